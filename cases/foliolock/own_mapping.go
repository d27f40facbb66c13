package foliolock

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A write whose memory is a mapping of the same file faults it in. That needs the locks that a read needs: the write must not hold
// them meanwhile.
func ownMapping() prog.Case {
	const size, far = 4 * prog.KiB, 256 * prog.KiB
	return prog.Case{
		ID:     "foliolock/own-mapping",
		Rule:   "a buffered read or write between a file and a mapping of itself ends, and moves the bytes",
		Kernel: "gfs2_file_buffered_write: faults in without the glock; fault_in_iov_iter_readable before the folio is locked",
		Source: "gfs2: Fix mmap + page fault deadlocks for buffered I/O (5.16); xfstests generic/248, generic/647",
		Variants: []prog.Variant{
			{Name: "write", Program: prog.New(
				prog.Truncate("f", far+size), prog.Write("f", far, size, 'n'), prog.Fsync("f"), prog.DropCaches(),
				prog.Write("f", 0, size, 'n').Via("f", far),
				prog.Read("f", 0, size).Returns('n'),
			).Witness(cached())},
			{Name: "read", Program: prog.New(
				prog.Truncate("f", far+size), prog.Write("f", 0, size, 'n'), prog.Fsync("f"), prog.DropCaches(),
				prog.Read("f", 0, size).Via("f", far).Returns('n'),
				prog.Read("f", far, size).Returns('n'),
			).Witness(cached())},
		},
		Rows: []prog.Row{rows.GlockTwice()},
	}
}
