package regress

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// XFS used to throw the whole cache of a file away for a direct read, which came from Irix and served nothing: what is clean agrees with
// the disk.
func directReadKeepsCache() prog.Case {
	const whole = 64 * prog.KiB
	program := func(read ...prog.Op) prog.Program {
		return prog.New(append(append([]prog.Op{prog.Write("f", 0, whole, 'o'), prog.Fsync("f")}, read...),
			prog.Resident("f", 0, whole).Counts(whole).As("cached"))...).Witness(direct())
	}
	return prog.Case{
		ID:     "regress/direct-read-keeps-cache",
		Rule:   "a direct read of what is cached leaves it in the cache",
		Kernel: "__iomap_dio_rw (reads: kiocb_write_and_wait, and no more)",
		Source: "iomap: Only invalidate page cache pages on direct IO writes (5.9); seed thread 3",
		Variants: []prog.Variant{
			{Program: program(prog.DirectRead("f", 0, whole).Returns('o'))},
			{Name: "vectored", Program: program(prog.DirectRead("f", 0, whole).With(prog.Vectored).Returns('o'))},
			{Name: "aio", Program: program(prog.AIORead("r", "f", 0, whole), prog.Reap("r").Returns('o'))},
			{Name: "uring", Program: program(prog.UringRead("r", "f", 0, whole).With(prog.Direct), prog.Reap("r").Returns('o'))},
			{Name: "spliced", Program: program(prog.SpliceRead("f", 0, whole).With(prog.Direct).Returns('o'))},
		},
		Rows: []prog.Row{rows.Journalled("the read comes from the cache")},
	}
}
