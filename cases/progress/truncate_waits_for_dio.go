package progress

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

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
		Source: "seed thread 5 (truncate and busy DAX pages) has the same rule for DAX",
		Needs:  []string{"disk", "aio"},
		Variants: []prog.Variant{
			// An asynchronous read lets go of i_rwsem once it is submitted, so that only inode_dio_wait stands between it and truncate.
			{Name: "aio", Program: truncateProgram(
				prog.AIORead("r", "f", 0, readSize), prog.Reap("r").Returns('o').As("read"),
			).Witness(prog.SeenBlocked("truncate", dioWait()...))},
			// A synchronous read keeps i_rwsem, which do_truncate takes: stacks leave out the rwsem's own functions, which are the
			// scheduler's (__sched), so that do_truncate is the innermost. The engine names the lock.
			{Name: "sync", Program: truncateProgram(
				prog.DirectRead("f", 0, readSize).Returns('o').As("read"),
			).Witness(prog.SeenBlocked("truncate", "do_truncate", "i_rwsem"))},
		},
		Rows: []prog.Row{
			rows.Journalled("the read comes from the page cache, and there is no direct I/O in flight to wait for"),
			{
				// 6.1 was seen to do so and 6.12.117 not to; the change was merged for 6.12. With nothing cached truncate gets as far
				// as inode_dio_wait, and so it does in the engine.
				FS: []string{"btrfs"}, Variants: []string{"aio"}, Before: "6.12",
				Witnesses: []prog.Witness{prog.SeenBlocked("truncate", append(dioWait(), "lock_extent")...)},
				Why:       "a direct read keeps its range of the extent tree locked until it is done, and truncate wants it to drop the cache, which it does before it waits for direct I/O",
				Kernel:    "btrfs_setsize → truncate_setsize → btrfs_invalidate_folio → lock_extent",
				Commit:    "btrfs: do not hold the extent lock for entire read",
			},
			readsAreNotCounted(),
			{
				FS: []string{"gfs2"}, Variants: []string{"sync"},
				Witnesses: []prog.Witness{prog.SeenBlocked("truncate", "gfs2_glock_wait", "inode_dio_wait")},
				Why:       "a direct read takes no i_rwsem but holds the inode's glock DEFERRED, and truncate needs it EXCLUSIVE",
				Kernel:    "gfs2_file_direct_read, gfs2_setattr → gfs2_glock_wait",
			},
		},
	}
}

// readsAreNotCounted is the row of bcachefs, whose direct reads nothing waits for.
func readsAreNotCounted(variants ...string) prog.Row {
	return prog.Row{
		FS: []string{"bcachefs"}, Variants: variants,
		Unsupported: "truncate and punching wait for direct writes alone: a bucket that is used anew has another generation, and a read that finds it so starts again; seen on 6.12.117",
		Why:         "direct reads are not counted in i_dio_count",
		Kernel:      "bch2_direct_IO_read without inode_dio_begin, bch2_read_endio: dev_ptr_stale",
	}
}

// dioWait are the names of the wait for direct I/O, with the part that older compilers leave out of line.
func dioWait() []string { return []string{"inode_dio_wait", "__inode_dio_wait"} }

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
	)
}
