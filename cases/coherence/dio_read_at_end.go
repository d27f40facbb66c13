package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A file need not end with a sector, but the disk reads whole ones.
func dioReadAtEnd() prog.Case {
	return prog.Case{
		ID:     "coherence/dio-read-at-end",
		Rule:   "a direct read over the end of the file returns the bytes up to the end and counts no more; behind the end it returns 0",
		Kernel: "iomap_dio_complete (the check for short reads), __iomap_dio_rw",
		Source: "xfstests generic/450; direct-io: Fix negative return from dio read beyond eof (74cedf9b6c60)",
		Needs:  []string{"aio"},
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, 1000, 'o'), prog.Fsync("f"),
			prog.DirectRead("f", 0, 4*prog.KiB).Returns('o').Counts(1000),
			prog.AIORead("r", "f", 0, 4*prog.KiB), prog.Reap("r").Returns('o').Counts(1000),
			prog.DirectRead("f", 4*prog.KiB, 4*prog.KiB).Counts(0),
		).Witness(direct())}},
		Rows: []prog.Row{rows.Journalled("the reads are buffered ones")},
	}
}
