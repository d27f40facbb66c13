package coherence

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A direct write with O_DSYNC to blocks that it allocates is durable when it returns: a write that reached the medium by itself is not
// enough, for the metadata that names the blocks must be there too.
//
//	writer   direct write n, O_DSYNC: data … flush ─── held on the disk ───┐ done
//	main     …………………………………………………………………… asleep                        release
func dioDsyncFlushes() prog.Case {
	return prog.Case{
		ID:     "coherence/dio-dsync-flushes",
		Rule:   "a direct write of new blocks with O_DSYNC does not return before the disk has answered a flush",
		Kernel: "iomap_dio_bio_opflags, iomap_dio_complete → generic_write_sync",
		Source: "iomap: Use FUA for pure data O_DSYNC DIO writes (4.18); iomap: treat a write through cache the same as FUA",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{{Program: prog.New(
			prog.Hold(prog.Flushes),
			prog.Go("writer", prog.DirectWrite("f", 0, 4*prog.KiB, 'n').With(prog.DSync).NotBefore("let-go").As("write")),
			prog.AwaitBlocked("writer"),
			prog.Release().As("let-go"),
			prog.Join("writer"),
			prog.Remount(),
			prog.Read("f", 0, 4*prog.KiB).Returns('n'),
		).Witness(prog.SeenBlocked("write",
			"submit_bio_wait", "blkdev_issue_flush", "xlog_wait_on_iclog", "jbd2_log_wait_commit", "write_all_supers", "log_flush_wait",
			"bch2_dio_write_flush"))}},
		Rows: []prog.Row{{
			FS: []string{"zonefs", "zonefs/512"}, Before: "6.1",
			Unsupported: "the write is a zone append with FUA: no flush is needed",
			Why:         "nothing names the blocks of a zone, so the data is all that must be on the medium",
			Kernel:      "zonefs_file_dio_append",
		}},
	}
}
