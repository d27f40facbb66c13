package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A buffered write while direct I/O of the same range is in flight: a read returns one of the two for every byte, and after a write
// one of them is left everywhere, or the kernel has said that it is not.
//
//	other   direct I/O ─── held on the disk ─────────┐ done
//	main    …………………………… write n (xfs) …………… release ……… (ext4, gfs2, btrfs wait until here)
func bufferedWriteDuringDIO() prog.Case {
	program := func(dio ...prog.Op) prog.Program {
		hold := prog.Hold(prog.Reads)
		if dio[0].Verb.Writes() {
			hold = prog.Hold(prog.Writes)
		}
		return prog.New(
			prog.Write("f", 0, whole, 'o'), prog.Fsync("f"),
			hold.Of("f", 0, whole),
			prog.Go("other", dio...),
			prog.AwaitHeld(1),
			prog.Write("f", 0, whole, 'n').MayBlock().As("write"),
			prog.Release(), prog.Join("other"),
			// The buffered write may still be under way.
			prog.Read("f", 0, whole).OneOf("onm").As("after"),
		).Witness(prog.WhileHeld("write"))
	}
	row := func(r prog.Row, in ...string) prog.Row {
		r.Witnesses = []prog.Witness{prog.SeenBlocked("write", in...)}
		return r
	}
	return prog.Case{
		ID:     "coherence/buffered-write-during-dio",
		Rule:   "a buffered write and direct I/O of the same range, at the same time, leave what one of them wrote in every byte; a direct read returns old or new bytes",
		Kernel: "iomap_dio_complete → kiocb_invalidate_post_direct_write; ext4_buffered_write_iter → inode_dio_wait",
		Source: "ext4: drain in-flight DIO before buffered write fallback (6.12.110, 6.1.188); seed thread 3",
		Needs:  []string{"disk", "aio"},
		Variants: []prog.Variant{
			{Name: "read", Program: program(prog.AIORead("a", "f", 0, whole), prog.Reap("a").OneOf("on"))},
			{Name: "write", Program: program(prog.AIOWrite("a", "f", 0, whole, 'm'), prog.Reap("a"))},
			{Name: "uring-read", Program: program(prog.UringRead("a", "f", 0, whole).With(prog.Direct), prog.Reap("a").OneOf("on"))},
			{Name: "uring-write", Program: program(prog.UringWrite("a", "f", 0, whole, 'm').With(prog.Direct), prog.Reap("a"))},
		},
		Rows: []prog.Row{
			rows.Journalled("no direct I/O is in flight"),
			keptOut("write", "write", "uring-write"),
			waits("6.1", "6.13"), waits("6.18.45", ""),
			row(prog.Row{
				FS:     []string{"gfs2"},
				Why:    "direct I/O holds the inode's glock DEFERRED, and who is granted it in another state waits for direct I/O in flight",
				Kernel: "inode_go_held → inode_dio_wait",
			}, "gfs2_glock_wait", "inode_dio_wait"),
			row(prog.Row{
				FS: []string{"btrfs/"}, Variants: []string{"write", "uring-write"}, Since: "6.15", Backports: []string{"6.12.77"}, Before: "7.3",
				Why:    "a direct write to a file with checksums is carried out through the page cache: what is held is its writeback, which the next write waits for",
				Kernel: "btrfs_direct_write, check_direct_IO; prepare_pages → folio_wait_writeback",
				Commit: "btrfs: always fallback to buffered write if the inode requires checksum",
			}, "folio_wait_writeback", "btrfs_start_ordered_extent"),
			row(prog.Row{
				FS: []string{"btrfs"}, Variants: []string{"write", "uring-write"},
				Why:    "a write waits for the ordered extents of its range",
				Kernel: "lock_and_cleanup_extent → btrfs_start_ordered_extent",
			}, "btrfs_start_ordered_extent", "lock_and_cleanup_extent"),
			row(prog.Row{
				FS: []string{"btrfs"}, Variants: []string{"read", "uring-read"}, Before: "6.12",
				Why:    "a direct read keeps its range of the extent tree locked until it is done",
				Kernel: "lock_and_cleanup_extent → lock_extent",
				Commit: "btrfs: do not hold the extent lock for entire read",
			}, "lock_extent"),
		},
	}
}

// waits is the row of an ext4 whose buffered writes wait. The fix is in 6.1.188, 6.12.110 and 7.2.13; the series between 6.12 and 6.18 had ended
// by then, and 6.17.13 and 6.18.44 were seen not to wait.
func waits(since, before string) prog.Row {
	return prog.Row{
		FS: []string{"ext4"}, Since: since, Before: before,
		Witnesses: []prog.Witness{prog.SeenBlocked("write", "inode_dio_wait", "__inode_dio_wait")},
		Why:       "a buffered write waits for direct I/O in flight; seen on 6.1.192, 6.12.117 and 7.2.13",
		Kernel:    "ext4_buffered_write_iter → inode_dio_wait",
		Commit:    "ext4: drain in-flight DIO before buffered write fallback",
	}
}
