package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Whoever sees the size that a direct write has brought about sees its bytes: the blocks become valid first, then the size moves. In the
// other order a read in between finds unwritten blocks inside the file, and leaves zeros in the cache for good.
func dioSizeAfterData() prog.Case {
	const n = 4 * prog.KiB
	program := func(submit prog.Op) prog.Program {
		return prog.New(
			prog.Fallocate("f", 0, 2*n, prog.FallocKeep),
			prog.Go("writer", submit, prog.Reap("w")),
			prog.Until("writer",
				prog.DirectRead("f", 0, n).OneOf("n").Counts(0, n),
				prog.Read("f", 0, n).OneOf("n").Counts(0, n),
			),
			prog.Join("writer"),
			prog.Read("f", 0, n).Returns('n'),
		).Witness(direct())
	}
	return prog.Case{
		ID:     "coherence/dio-size-after-data",
		Rule:   "a read that finds the new size of a file that a direct write has extended returns what was written, and never zeros",
		Kernel: "xfs_dio_write_end_io, ext4_dio_write_end_io: unwritten extents are converted, then i_size is raised",
		Source: "xfs: update i_size after unwritten conversion in dio completion (4.14); xfstests generic/586",
		Needs:  []string{"aio"},
		Variants: []prog.Variant{
			{Program: program(prog.AIOWrite("w", "f", 0, n, 'n'))},
			{Name: "uring", Program: program(prog.UringWrite("w", "f", 0, n, 'n').With(prog.Direct))},
		},
		Rows: []prog.Row{rows.Journalled("the write goes through the page cache")},
	}
}
