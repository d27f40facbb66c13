package foliolock

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Writeback write-protects a page under the folio's lock. The next store faults again, and only that makes the page dirty again.
//
//	store a …… fsync: clean, write-protected …… store b: fault, dirty …… fsync …… drop the cache: b
func storesAcrossSync() prog.Case {
	const page = 4 * prog.KiB
	return prog.Case{
		ID:     "foliolock/stores-across-sync",
		Rule:   "a store to a page that was stored to and synced before is written by the next fsync",
		Kernel: "folio_clear_dirty_for_io → folio_mkclean; do_page_mkwrite",
		Source: "mm: tracking shared dirty pages (2.6.19)",
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, page, 'o'), prog.Fsync("f"),
			prog.Store("f", 0, sector, 'a'), prog.Fsync("f"),
			prog.Store("f", 0, sector, 'b'), prog.Fsync("f"),
			prog.Evict("f", 0, page),
			prog.Read("f", 0, sector).Returns('b'),
			prog.Remount(),
			prog.Read("f", 0, sector).Returns('b'),
		).Witness(prog.Fired("iomapcheck:do_page_mkwrite", 2))}},
	}
}
