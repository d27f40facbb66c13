package progress

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A stream of direct reads must not keep truncate waiting: those that begin after it wait behind it.
func truncateAgainstReads() prog.Case {
	return prog.Case{
		ID:     "progress/truncate-against-reads",
		Rule:   "truncate returns before a bounded number of direct reads that began after it have ended, however many keep coming",
		Kernel: "do_truncate: i_rwsem exclusively, whose waiters stop later readers (rwsem handoff)",
		Source: "seed thread 5: \"this scheme can be easily livelocked\"",
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, readSize, 'o'), prog.Fsync("f"),
			prog.Go("truncater", prog.Truncate("f", 0).Before(64, "stream").As("truncate")),
			prog.Go("stream", prog.Until("truncater", prog.DirectRead("f", 0, readSize).Counts(0, readSize).OneOf("o"))),
			prog.Join("truncater"), prog.Join("stream"),
			prog.FileSize("f").Counts(0),
		).Witness(prog.Fired("iomapcheck:__iomap_dio_rw", 1))}},
		Rows: []prog.Row{rows.Journalled("the reads come from the page cache"), {
			FS:          []string{"bcachefs"},
			Unsupported: "truncate waits for direct writes alone: reads cannot keep it waiting",
			Why:         "direct reads are not counted in i_dio_count, and take no i_rwsem",
			Kernel:      "bch2_direct_IO_read without inode_dio_begin",
		}},
	}
}
