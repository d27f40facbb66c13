package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// What an io_uring cannot do at once a worker does: who submits does not wait, and who reaps gets all that was asked for, also where a
// part of it could be had at once.
//
//	other    reads, or writes back ─── held on the disk ──────────┐
//	main     ………………………… submit: returns ……………… release       reap: everything
func uringSubmission() prog.Case {
	half := whole / 2
	program := func(hold prog.Requests, other prog.Op, submit prog.Op, rest ...prog.Op) prog.Program {
		ops := []prog.Op{
			prog.Write("f", 0, whole, 'o'), prog.Fsync("f"), prog.DropCaches(),
			prog.Read("f", 0, prog.KiB), prog.Evict("f", half, half),
		}
		if other.Verb == prog.VFsync {
			ops = append(ops, prog.Write("f", 0, whole, 'd'))
		}
		ops = append(ops,
			prog.Hold(hold).Of("f", 0, whole),
			prog.Go("other", other),
			prog.AwaitHeld(1), prog.AwaitBlocked("other"),
			submit.As("submit"),
			prog.Release(), prog.Join("other"),
		)
		return prog.New(append(ops, rest...)...).Witness(prog.WhileHeld("submit"))
	}
	reader := prog.Read("f", whole-4*prog.KiB, 4*prog.KiB)
	return prog.Case{
		ID:     "coherence/uring-submission",
		Rule:   "submitting to an io_uring returns while the disk keeps the request, or the page cache it needs, waiting; the completion then has the full count and the right bytes",
		Kernel: "io_read, io_write with IO_URING_F_NONBLOCK → -EAGAIN → io_queue_iowq; need_complete_io",
		Source: "io_uring: fix short read retries for regular files (6.0); io_rw_should_reissue",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "read", Program: program(prog.Reads, reader, prog.UringRead("u", "f", 0, whole), prog.Reap("u").Returns('o'))},
			{Name: "direct-read", Program: program(prog.Reads, reader, prog.UringRead("u", "f", 0, whole).With(prog.Direct), prog.Reap("u").Returns('o'))},
			{Name: "direct-read-dirty", Program: program(prog.Writes, prog.Fsync("f"),
				prog.UringRead("u", "f", 0, whole).With(prog.Direct), prog.Reap("u").Returns('d'))},
			{Name: "direct-write-dirty", Program: program(prog.Writes, prog.Fsync("f"),
				prog.UringWrite("u", "f", 0, whole, 'n').With(prog.Direct), prog.Reap("u"), prog.Read("f", 0, whole).Returns('n'))},
			{Name: "write-dirty", Program: program(prog.Writes, prog.Fsync("f"),
				prog.UringWrite("u", "f", 0, whole, 'n'), prog.Reap("u"), prog.DirectRead("f", 0, whole).Returns('n'))},
		},
		Rows: []prog.Row{
			rows.Journalled("O_DIRECT is buffered"),
			{
				FS: []string{"gfs2"}, Variants: []string{"direct-read"}, Before: "6.5", Known: true, Shows: "hang",
				Why:    "an io_uring takes every regular file for one that can be told not to wait, and gfs2 waits for the inode's glock, which who reads through the cache holds. Seen on 5.10.262 and 6.1.192",
				Kernel: "io_file_supports_nowait; gfs2_file_direct_read → gfs2_glock_nq without a look at IOCB_NOWAIT",
				Commit: "io_uring: rely solely on FMODE_NOWAIT",
			},
			{
				FS: []string{"btrfs"}, Variants: []string{"direct-read-dirty"}, Target: "vm", Known: true, Shows: "hang",
				Why:    "a direct read waits for the inode's lock, which fsync holds until its data is on the disk, also if it must not wait; not mended as of 7.2",
				Kernel: "btrfs_direct_read does not look at IOCB_NOWAIT, as btrfs_direct_write does (BTRFS_ILOCK_TRY)",
			},
		},
	}
}
