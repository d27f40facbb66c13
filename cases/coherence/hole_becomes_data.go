package coherence

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A hole that a mapping has loaded from is mapped as zeros. When a write gives it blocks, the mapping must see them.
func holeBecomesData() prog.Case {
	const kib = prog.KiB
	return prog.Case{
		ID:     "coherence/hole-becomes-data",
		Rule:   "a mapping that has shown a hole as zeros shows what is then written there",
		Kernel: "dax_iomap_iter → invalidate_inode_pages2_range (the zero page of a DAX mapping); otherwise the page is the one that is written",
		Source: "dax: fix data corruption due to stale mmap reads (4.12)",
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, 4*kib, 'o'), prog.Truncate("f", 8*kib),
			prog.Load("f", 4*kib, 4*kib).Returns('.').As("hole"),
			prog.Write("f", 4*kib, 4*kib, 'n'),
			prog.Load("f", 4*kib, 4*kib).Returns('n'),
			prog.Store("f", 4*kib, sector, 's'),
			prog.Read("f", 4*kib, 4*kib).ReturnsRuns(prog.Run{Len: sector, Fill: "s"}, prog.Run{Len: 4*kib - sector, Fill: "n"}),
		).Witness(stored())}},
		Rows: []prog.Row{copied("a mapping shows the storage itself, and of a hole the zero page")},
	}
}
