package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A direct write to one block of a folio whose other blocks are dirty must lose neither: the dirty ones are written back
// before the folio leaves the cache.
func writeBesideDirtyBlock() prog.Case {
	const kib = prog.KiB
	after := prog.Content{{Len: kib, Fill: "n"}, {Len: kib, Fill: "d"}, {Len: 2 * kib, Fill: "o"}}
	program := func(dirty prog.Op) prog.Program {
		return prog.New(
			prog.Write("f", 0, 4*kib, 'o'), prog.Fsync("f"),
			dirty,
			prog.DirectWrite("f", 0, kib, 'n'),
			prog.Read("f", 0, 4*kib).ReturnsRuns(after...),
			prog.DirectRead("f", 0, 4*kib).ReturnsRuns(after...),
			prog.DropCaches(),
			prog.Load("f", 0, 4*kib).ReturnsRuns(after...),
		).Witness(direct())
	}
	return prog.Case{
		ID:     "coherence/write-beside-dirty-block",
		Rule:   "a direct write to a part of a folio of which another part is dirty loses neither its own bytes nor the dirty ones",
		Kernel: "kiocb_invalidate_pages → filemap_write_and_wait_range over whole folios, then invalidate_inode_pages2_range",
		Source: "xfstests generic/451, generic/551 mix the paths by chance; the rounding to whole folios was measured (kernel 7.2)",
		Variants: []prog.Variant{
			{Name: "written", Program: program(prog.Write("f", kib, kib, 'd'))},
			{Name: "stored", Program: program(prog.Store("f", kib, kib, 'd'))},
		},
		Rows: []prog.Row{rows.Journalled("the write goes through the page cache like the one before it")},
	}
}
