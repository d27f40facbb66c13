package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Collapsing takes a range out of a file, inserting puts a hole in: what is behind it stands elsewhere afterwards, in the extents and in
// the page cache. A folio that stayed would show the bytes of the old place at the new one.
//
//	collapse   |a|···………···|b|  →  |b|
//	insert     |a|b|  →  |···………···|a|b|
func shiftedRange() prog.Case {
	const (
		page = 16 * prog.KiB // whole blocks of every file system
		far  = prog.Period   // bytes of one fill look the same wherever they are moved to
	)
	collapse := prog.Fallocate("f", 0, far, prog.FallocCollapse)
	insert := prog.Fallocate("f", 0, far, prog.FallocInsert)
	begin := []prog.Op{prog.Write("f", 0, page, 'a'), prog.Write("f", far, page, 'b')}
	collapsed := []prog.Op{
		prog.FileSize("f").Counts(page),
		prog.Read("f", 0, page).Returns('b'), prog.Load("f", 0, page).Returns('b'), prog.DirectRead("f", 0, page).Returns('b'),
	}
	inserted := []prog.Op{
		prog.FileSize("f").Counts(far + page),
		prog.Read("f", 0, page).Returns('.'), prog.Load("f", 0, page).Returns('.'),
		prog.Read("f", far, page).Returns('a'), prog.Load("f", far, page).Returns('a'), prog.DirectRead("f", far, page).Returns('a'),
	}
	program := func(w prog.Witness, parts ...[]prog.Op) prog.Program {
		var ops []prog.Op
		for _, p := range parts {
			ops = append(ops, p...)
		}
		return prog.New(ops...).Witness(w)
	}
	one := []prog.Op{prog.Write("f", 0, page, 'a')}
	mapped := []prog.Op{prog.Fsync("f"), prog.Load("f", 0, page).Returns('a')}
	return prog.Case{
		ID:     "coherence/shifted-range",
		Rule:   "after a range was collapsed or inserted every path reads what was behind it at its new place, whether it was dirty, mapped or written directly before",
		Kernel: "xfs_file_fallocate → xfs_prepare_shift; ext4_collapse_range, ext4_insert_range",
		Source: "what xfs_prepare_shift is for; fsx collapses and inserts in xfstests generic/075 and generic/112",
		Variants: []prog.Variant{
			{Name: "collapse-dirty", Program: program(cached(), begin, []prog.Op{collapse}, collapsed)},
			{Name: "collapse-mapped", Program: program(cached(), begin, mapped, []prog.Op{prog.Load("f", far, page).Returns('b'), collapse}, collapsed)},
			{Name: "insert-dirty", Program: program(cached(), one, []prog.Op{insert}, inserted)},
			{Name: "insert-mapped", Program: program(cached(), one, mapped, []prog.Op{insert}, inserted)},
			{Name: "written", Program: program(direct(), begin, []prog.Op{prog.Fsync("f"), prog.DirectWrite("f", far, page, 'b'), collapse}, collapsed, []prog.Op{
				prog.DirectWrite("f", 0, page, 'a'), insert,
			}, inserted)},
		},
		Rows: []prog.Row{rows.NoShift(), copied("blocks are copied to and from, and moved like any others"), rows.Journalled("nothing is written directly", "written")},
	}
}
