package coherence

import (
	"slices"

	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A write with O_DSYNC to blocks that it allocates is durable when it returns: a write that reached the medium by itself is not
// enough, for the metadata that names the blocks must be there too.
//
//	writer   direct write n, O_DSYNC: data … flush ─── held on the disk ───┐ done
//	main     …………………………………………………………………… asleep                        release
func dioDsyncFlushes() prog.Case {
	const n = 4 * prog.KiB
	asleep := []string{
		"submit_bio_wait", "blkdev_issue_flush", "xlog_wait_on_iclog", "jbd2_log_wait_commit", "write_all_supers", "log_flush_wait",
		"bch2_dio_write_flush", "bch2_journal_flush_seq",
	}
	arranged := func(before []prog.Op, in []string, hold []prog.Op, let []prog.Op, write ...prog.Op) prog.Program {
		last := &write[len(write)-1]
		*last = last.NotBefore("let-go").As("write")
		before = append(append(before, hold...), prog.Go("writer", write...))
		return prog.New(append(append(before, let...),
			prog.AwaitBlocked("writer"),
			prog.Release().As("let-go"),
			prog.Join("writer"),
			prog.Remount(),
			prog.Read("f", 0, n).Returns('n'),
		)...).Witness(prog.SeenBlocked("write", in...))
	}
	// io_cqring_wait, where it is not inlined (6.5).
	reaping := append(slices.Clone(asleep), "io_cqring_wait", "__do_sys_io_uring_enter")
	program := func(before []prog.Op, in []string, write ...prog.Op) prog.Program {
		return arranged(before, in, []prog.Op{prog.Hold(prog.Flushes)}, nil, write...)
	}
	// The data is held until it is submitted: a disk that is faster than the submission would leave the flush to that.
	submitted := func(before []prog.Op, in []string, write ...prog.Op) prog.Program {
		return arranged(before, in, []prog.Op{prog.Hold(prog.Writes | prog.Flushes)},
			[]prog.Op{prog.AwaitHeld(1), prog.AwaitBlocked("writer"), prog.ReleaseOldest(1)}, write...)
	}
	return prog.Case{
		ID:     "coherence/dio-dsync-flushes",
		Rule:   "a write of new blocks with O_DSYNC, directly or from a pipe, does not return, nor is its request complete, before the disk has answered a flush",
		Kernel: "iomap_dio_bio_opflags, iomap_dio_complete → generic_write_sync; iter_file_splice_write → generic_write_sync",
		Source: "iomap: Use FUA for pure data O_DSYNC DIO writes (4.18); iomap: treat a write through cache the same as FUA",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Program: program(nil, asleep, prog.DirectWrite("f", 0, n, 'n').With(prog.DSync))},
			{Name: "vectored", Program: program(nil, asleep, prog.DirectWrite("f", 0, 2*n, 'n').With(prog.DSync|prog.Vectored))},
			// Who reaps sleeps until the request is complete. What extends the file the submission of some file systems carries out.
			{Name: "aio", Program: submitted([]prog.Op{prog.Fallocate("f", 0, n, prog.FallocAlloc), prog.Fsync("f")}, append(slices.Clone(asleep), "read_events"),
				prog.AIOWrite("w", "f", 0, n, 'n').With(prog.DSync), prog.Reap("w"))},
			{Name: "uring", Program: program(nil, reaping,
				prog.UringWrite("w", "f", 0, n, 'n').With(prog.DSync|prog.Direct), prog.Reap("w"))},
			{Name: "uring-cached", Program: program(nil, reaping,
				prog.UringWrite("w", "f", 0, n, 'n').With(prog.DSync), prog.Reap("w"))},
			{Name: "spliced", Program: program(nil, asleep, prog.SpliceWrite("f", 0, n, 'n').With(prog.DSync))},
		},
		Rows: []prog.Row{{
			FS: []string{"ext4/journal", "ext4/inline"}, Target: "refengine", Variants: []string{"uring"},
			Unsupported: "the engine's buffered write takes NOWAIT for a wish, and so is carried out by the submission; a kernel refuses it, and a worker does it",
			Why:         "direct I/O to a file whose data is journalled, or in the inode, is buffered",
			Kernel:      "ext4_buffered_write_iter: -EOPNOTSUPP with IOCB_NOWAIT",
		}, {
			FS: []string{"ext4/journal"}, Variants: []string{"aio"},
			Unsupported: "the submission is all of it: O_DIRECT is carried out buffered",
			Why:         "direct I/O to a file with journalled data is buffered",
			Kernel:      "ext4_file_write_iter → ext4_should_use_dio",
		}, rows.Checksummed("its submission is all of it", "aio"), {
			FS: []string{"gfs2"}, Variants: []string{"uring"}, Before: "6.5",
			Unsupported: "the submission is all of it: an io_uring takes every regular file for one that can be told not to wait, and gfs2 does not listen",
			Why:         "gfs2 does not look at IOCB_NOWAIT",
			Kernel:      "io_file_supports_nowait; gfs2_file_write_iter",
			Commit:      "io_uring: rely solely on FMODE_NOWAIT",
		}, {
			FS: []string{"gfs2"}, Variants: []string{"aio"},
			Unsupported: "preallocated blocks are zeroed: a write to them brings no metadata with it, and needs no flush",
			Why:         "gfs2 has no unwritten extents",
			Kernel:      "fallocate_chunk → sb_issue_zeroout",
		}, rows.MovedTwice("", "vectored"), {
			FS: []string{"zonefs", "zonefs/512"}, Before: "6.1",
			Unsupported: "the write is a zone append with FUA: no flush is needed",
			Why:         "nothing names the blocks of a zone, so the data is all that must be on the medium",
			Kernel:      "zonefs_file_dio_append",
		}},
	}
}
