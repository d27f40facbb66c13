// Package foliolock has the cases of the third theme: what must happen while a folio is locked does, and what needs a locked
// folio waits for its lock.
package foliolock

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Cases lists the theme's cases.
func Cases() []prog.Case {
	return []prog.Case{
		invalidationWaitsForFolio(), truncateWaitsForWriteback(), storeDuringWriteback(), punchAgainstFault(),
		staleMapping(), sizeUnderLock(), hookBeforeUnlock(), storeAgainstInvalidation(), readAgainstTruncate(), ownMapping(),
		storesAcrossSync(), redirtiedBeforeRemoval(), faultAgainstTruncate(),
		straddlingFolio(), zeroOverUnwritten(), mkwriteAgainstTruncate(), releaseAgainstTransaction(),
	}
}

// The sizes that the cases use: a file of several folios, and a piece of less than a block.
const (
	whole  = 64 * prog.KiB
	sector = 512
)

// cached is the witness that the page cache was filled.
func cached() prog.Witness { return prog.Fired("filemap:mm_filemap_add_to_page_cache", 1) }

// stored is the witness that a page became writable through a mapping.
func stored() prog.Witness { return prog.Fired("iomapcheck:do_page_mkwrite", 1) }
