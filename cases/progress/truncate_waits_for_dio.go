package progress

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Truncate must wait for direct I/O in flight: the blocks that it frees would otherwise be read, or written, after they have
// been given to another file.
//
//	reader     direct read ─── held on the disk ──────────┐ done: the old data, all of it
//	truncater  ………………… truncate to 0: asleep ………………………………… done
//	main       …………………………………………………………………… release
func truncateWaitsForDIO() prog.Case {
	return prog.Case{
		ID:     "progress/truncate-waits-for-dio",
		Rule:   "truncate does not return before a direct read in flight over the truncated range has ended, and returns soon after; the read returns the old data in full",
		Kernel: "xfs_setattr_size, ext4_setattr, btrfs_setsize, gfs2_setattr_size → inode_dio_wait; for synchronous reads i_rwsem",
		Source: "seed thread 4 (truncate and busy DAX pages) has the same rule for DAX",
		Needs:  []string{"disk", "aio"},
		Variants: []prog.Variant{
			// An asynchronous read lets go of i_rwsem once it is submitted, so that only inode_dio_wait stands between it and truncate.
			{Name: "aio", Program: truncateProgram(
				prog.AIORead("r", "f", 0, readSize), prog.Reap("r").Returns('o').As("read"))},
			{Name: "sync", Program: truncateProgram(
				prog.DirectRead("f", 0, readSize).Returns('o').As("read"))},
		},
		Rows: []prog.Row{{
			FS: []string{"xfs", "ext4", "xfs/1k", "ext4/1k"}, Variants: []string{"aio"},
			Witnesses: []prog.Witness{prog.SeenBlocked("truncate", "inode_dio_wait", "__inode_dio_wait")},
			Why:       "nothing else makes truncate wait here, so that it must be asleep just there",
			Kernel:    "inode_dio_wait",
		}},
	}
}

const readSize = 64 * prog.KiB

func truncateProgram(read ...prog.Op) prog.Program {
	return prog.New(
		prog.Write("f", 0, readSize, 'o'), prog.Fsync("f"),
		prog.Hold(prog.Reads).Of("f", 0, readSize),
		prog.Go("reader", read...),
		prog.AwaitHeld(1),
		prog.Go("truncater", prog.Truncate("f", 0).NotBefore("let-go").As("truncate")),
		prog.AwaitBlocked("truncater"),
		prog.Release().As("let-go"),
		prog.Join("reader"), prog.Join("truncater"),
		prog.FileSize("f").Counts(0),
	).Witness(prog.SeenBlocked("truncate"))
}
