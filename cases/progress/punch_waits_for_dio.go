package progress

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Punching a hole frees blocks as truncate does, and must wait for direct I/O in flight to them as well. Collapsing and inserting move
// them: what is in flight would arrive at another place of the file.
//
//	other     direct I/O ─── held on the disk ────┐ done
//	puncher   ………………… asleep in inode_dio_wait ……… done
func punchWaitsForDIO() prog.Case {
	return prog.Case{
		ID:     "progress/punch-waits-for-dio",
		Rule:   "punching a hole, or zeroing, collapsing or inserting a range, does not return before direct I/O in flight over it, or behind what moves, has ended, and returns soon after; a read returns the old data in full, and a write is gone or moved with its blocks",
		Kernel: "xfs_file_fallocate, ext4_punch_hole, ext4_collapse_range, gfs2_fallocate → inode_dio_wait",
		Source: "xfs_file_fallocate, which waits for direct I/O before xfs_flush_unmap_range; seed thread 5 for DAX",
		Needs:  []string{"disk", "aio"},
		Variants: []prog.Variant{
			{Name: "punch", Program: besideRead(prog.Fallocate("f", 0, readSize, prog.FallocPunch), prog.Read("f", 0, readSize).Returns('.'))},
			{Name: "zero", Program: besideRead(prog.Fallocate("f", 0, readSize, prog.FallocZero), prog.Read("f", 0, readSize).Returns('.'))},
			{Name: "collapse", Program: besideRead(prog.Fallocate("f", 0, prog.Period, prog.FallocCollapse), prog.Read("f", 0, readSize).Returns('b'))},
			{Name: "insert", Program: besideRead(prog.Fallocate("f", 0, prog.Period, prog.FallocInsert), prog.Read("f", prog.Period, readSize).Returns('o'))},
			{Name: "punch-write", Program: besideWrite(prog.Fallocate("f", 0, readSize, prog.FallocPunch), prog.Read("f", 0, readSize).Returns('.'))},
			{Name: "zero-write", Program: besideWrite(prog.Fallocate("f", 0, readSize, prog.FallocZero), prog.Read("f", 0, readSize).Returns('.'))},
			{Name: "collapse-write", Program: besideWrite(prog.Fallocate("f", 0, prog.Period, prog.FallocCollapse), prog.Read("f", 0, readSize).Returns('b'))},
			{Name: "insert-write", Program: besideWrite(prog.Fallocate("f", 0, prog.Period, prog.FallocInsert), prog.Read("f", prog.Period, readSize).Returns('n'))},
		},
		Rows: []prog.Row{
			rows.Journalled("no direct I/O is in flight"),
			readsAreNotCounted("punch", "zero", "collapse", "insert"),
			rows.NoShift("collapse", "insert", "collapse-write", "insert-write"),
			{
				FS: []string{"gfs2"}, Variants: []string{"zero", "zero-write"},
				Unsupported: "gfs2 has no FALLOC_FL_ZERO_RANGE",
				Why:         "fallocate knows only allocating and punching there",
				Kernel:      "gfs2_fallocate",
			},
			{
				FS: []string{"btrfs"}, Variants: []string{"punch", "zero"},
				Unsupported: "btrfs never overwrites: the extent that a read in flight was directed to stays allocated until the transaction has committed, and punching does not wait",
				Why:         "punching drops references to extents that are freed no sooner than by the next commit",
				Kernel:      "btrfs_punch_hole, btrfs_finish_extent_commit",
			},
			rows.Checksummed("the write is done when its submission returns", "punch-write", "zero-write"),
			{
				FS: []string{"btrfs"}, Variants: []string{"punch-write", "zero-write"},
				Witnesses: []prog.Witness{prog.SeenBlocked("punch", "inode_dio_wait", "btrfs_wait_ordered_range", "btrfs_start_ordered_extent", "btrfs_inode_lock", "i_rwsem")},
				Why:       "what is in flight has an ordered extent, which punching waits for",
				Kernel:    "btrfs_punch_hole → btrfs_wait_ordered_range",
			},
		},
	}
}

// beside carries fallocate out while an asynchronous request is held. What a collapse moves to the start of the file is 'b'.
func beside(hold prog.Requests, request, reap, fallocate, after prog.Op) prog.Program {
	ops := []prog.Op{prog.Write("f", 0, readSize, 'o')}
	if fallocate.Mode == prog.FallocCollapse {
		ops = append(ops, prog.Write("f", prog.Period, readSize, 'b'))
	}
	return prog.New(append(ops,
		prog.Fsync("f"),
		prog.Hold(hold).Of("f", 0, readSize),
		prog.Go("other", request, reap),
		prog.AwaitHeld(1),
		prog.Go("puncher", fallocate.NotBefore("let-go").As("punch")),
		prog.AwaitBlocked("puncher"),
		prog.Release().As("let-go"),
		prog.Join("other"), prog.Join("puncher"),
		after,
	)...).Witness(prog.SeenBlocked("punch", dioWait()...))
}

func besideRead(fallocate, after prog.Op) prog.Program {
	return beside(prog.Reads, prog.AIORead("r", "f", 0, readSize), prog.Reap("r").Returns('o').As("read"), fallocate, after)
}

func besideWrite(fallocate, after prog.Op) prog.Program {
	return beside(prog.Writes, prog.AIOWrite("w", "f", 0, readSize, 'n'), prog.Reap("w"), fallocate, after)
}
