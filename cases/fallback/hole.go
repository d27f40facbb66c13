package fallback

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A direct write into a hole, past the end, or at an alignment that the filesystem cannot write directly is written through
// the cache where it cannot be done directly, with its full count.
func hole() prog.Case {
	program := func(ops ...prog.Op) prog.Program { return prog.New(ops...).Witness(direct()) }
	return prog.Case{
		ID:     "fallback/hole",
		Rule:   "a direct write into a hole returns its full count, whether it is done directly or through the cache, and every path sees it",
		Kernel: "gfs2_iomap_begin (-ENOTBLK for a hole), ext4_iomap_alloc, xfs_direct_write_iomap_begin",
		Source: "gfs2: iomap direct I/O support (4.19)",
		Variants: []prog.Variant{
			{Name: "all", Program: program(
				prog.Truncate("f", whole),
				prog.DirectWrite("f", 0, whole, 'n'),
				prog.DirectRead("f", 0, whole).Returns('n'), prog.Load("f", 0, whole).Returns('n'),
			)},
			// The first part has blocks, the second has none: directly, then through the cache.
			{Name: "half", Program: program(
				prog.Write("f", 0, whole/2, 'o'), prog.Fsync("f"), prog.Truncate("f", whole),
				prog.DirectWrite("f", 0, whole, 'n'),
				prog.DirectRead("f", 0, whole).Returns('n'), prog.Load("f", 0, whole).Returns('n'),
			)},
			{Name: "dsync", Program: program(
				prog.Truncate("f", whole),
				prog.DirectWrite("f", 0, whole, 'n').With(prog.DSync),
				prog.Remount(),
				prog.Read("f", 0, whole).Returns('n'),
			)},
		},
		Rows: []prog.Row{
			rows.Journalled("the witness of a direct attempt cannot show"),
			rows.Checksummed("there is nothing to fall back from"),
		},
	}
}
