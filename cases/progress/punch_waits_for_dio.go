package progress

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Punching a hole frees blocks as truncate does, and must wait for direct I/O in flight to them as well.
func punchWaitsForDIO() prog.Case {
	program := func(mode prog.FallocMode) prog.Program {
		return prog.New(
			prog.Write("f", 0, readSize, 'o'), prog.Fsync("f"),
			prog.Hold(prog.Reads).Of("f", 0, readSize),
			prog.Go("reader", prog.AIORead("r", "f", 0, readSize), prog.Reap("r").Returns('o').As("read")),
			prog.AwaitHeld(1),
			prog.Go("puncher", prog.Fallocate("f", 0, readSize, mode).NotBefore("let-go").As("punch")),
			prog.AwaitBlocked("puncher"),
			prog.Release().As("let-go"),
			prog.Join("reader"), prog.Join("puncher"),
			prog.Read("f", 0, readSize).Returns('.'),
		).Witness(prog.SeenBlocked("punch", dioWait()...))
	}
	return prog.Case{
		ID:     "progress/punch-waits-for-dio",
		Rule:   "punching a hole, or zeroing a range, does not return before a direct read in flight over it has ended, and returns soon after; the read returns the old data in full",
		Kernel: "xfs_file_fallocate, ext4_punch_hole, gfs2_fallocate → inode_dio_wait",
		Source: "xfs_file_fallocate, which waits for direct I/O before xfs_flush_unmap_range; seed thread 5 for DAX",
		Needs:  []string{"disk", "aio"},
		Variants: []prog.Variant{
			{Name: "punch", Program: program(prog.FallocPunch)},
			{Name: "zero", Program: program(prog.FallocZero)},
		},
		Rows: []prog.Row{
			rows.Journalled("no direct I/O is in flight"),
			readsAreNotCounted(),
			{
				FS: []string{"gfs2"}, Variants: []string{"zero"},
				Unsupported: "gfs2 has no FALLOC_FL_ZERO_RANGE",
				Why:         "fallocate knows only allocating and punching there",
				Kernel:      "gfs2_fallocate",
			},
			{
				FS:          []string{"btrfs"},
				Unsupported: "btrfs never overwrites: the extent that a read in flight was directed to stays allocated until the transaction has committed, and punching does not wait",
				Why:         "punching drops references to extents that are freed no sooner than by the next commit",
				Kernel:      "btrfs_punch_hole, btrfs_finish_extent_commit",
			},
		},
	}
}
