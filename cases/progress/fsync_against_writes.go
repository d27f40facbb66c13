package progress

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A stream of direct writes must not keep fsync waiting: it writes what was dirty when it began.
func fsyncAgainstWrites() prog.Case {
	return prog.Case{
		ID:     "progress/fsync-against-writes",
		Rule:   "fsync returns before a bounded number of direct writes that began after it have ended, however many keep coming",
		Kernel: "vfs_fsync_range → file_write_and_wait_range",
		Source: "seed thread 1: direct I/O \"would hang, I think it was against an fsync call\"",
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, readSize, 'o'),
			prog.Go("syncer", prog.Fsync("f").Before(64, "stream").As("fsync")),
			prog.Go("stream", prog.Until("syncer", prog.DirectWrite("f", 0, readSize, 'n'))),
			prog.Join("syncer"), prog.Join("stream"),
			prog.Read("f", 0, readSize).Returns('n'),
		).Witness(prog.Fired("iomapcheck:__iomap_dio_rw", 1))}},
		Rows: []prog.Row{
			rows.Journalled("the writes stay in the page cache"),
			rows.Checksummed("it is no direct I/O that fsync could wait for"),
		},
	}
}
