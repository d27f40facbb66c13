package foliolock

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A store's fault waits for the folio's lock, which a direct write to another part of the page holds to take the folio out of the
// cache. Once it has the lock the fault must look whether the folio is still the file's.
func storeAgainstInvalidation() prog.Case {
	const kib = prog.KiB
	return prog.Case{
		ID:     "foliolock/store-against-invalidation",
		Rule:   "a store to a page that a direct write to another part of it invalidates at the same time is not lost",
		Kernel: "iomap_page_mkwrite → folio_mkwrite_check_truncate; filemap_fault looks at folio->mapping under the lock",
		Source: "mm: fix fault vs invalidate race for linear mappings (2.6.23), and the truncate check of iomap_page_mkwrite; xfstests generic/095 by chance",
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, 4*kib, 'o'), prog.Fsync("f"), prog.DropCaches(),
			prog.Go("writer", prog.DirectWrite("f", 0, kib, 'n')),
			prog.Store("f", 2*kib, kib, 's'),
			prog.Join("writer"),
			prog.Load("f", 2*kib, kib).Returns('s'),
			prog.Fsync("f").MayFail("EIO"),
			prog.Read("f", 2*kib, kib).Returns('s'),
		).Witness(stored())}},
		Rows: []prog.Row{
			{
				FS:          []string{"bcachefs"},
				Unsupported: "direct I/O is in whole blocks, so that there is no other part of the page to store to",
				Why:         "O_DIRECT is aligned to blocks",
				Kernel:      "bch2_direct_write",
			},
		},
	}
}
