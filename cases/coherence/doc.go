// Package coherence has the cases of the first theme: direct, buffered and mapped I/O agree.
package coherence

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Cases lists the theme's cases.
func Cases() []prog.Case {
	return []prog.Case{
		postWriteInvalidation(), directReadWritesBack(), writeBesideDirtyBlock(), storeDuringDirectWrite(), extendingWrite(),
		bufferedWriteDuringDIO(), unalignedIntoUnwritten(), holesReadAsZeros(), failedDirectWrite(), failedWriteback(), nowait(),
		dioDropsCache(), dioZeroesBlocks(), dioDsyncFlushes(), dioReadAtEnd(), dioSizeAfterData(), dioHalfPresentBuffer(),
		cloneDirectWrite(), dioReadBesideWrite(), evictedDuringFsync(), dioFromOtherFile(), dioBeforeBufferedWrite(),
		dioStoppedByBuffer(), zonefsAppend(),
		shortCopy(), sourceShrinks(), bytesBehindEOF(), storeBehindOldEOF(), blockOfFolio(), holeBecomesData(),
		shiftedRange(), nowaitBuffered(), refusedWriteback(), writebackErrorIsReported(), journalledData(), cloneOfCachedData(), underReclaim(), pinnedPageIsCleaned(),
		staleFolioIsReported(), mappingAcrossDirectWrite(), smallFile(), unshareRange(),
		everyPathAgrees(), bufferModifiedInFlight(), cloneDuringDirectWrite(), copyRangeCopiesCache(), uringSubmission(),
	}
}

// The sizes that the cases use: a file of several folios, and a piece of less than a block.
const (
	whole  = 64 * prog.KiB
	sector = 512
)

// direct is the witness that direct I/O was done and not replaced by buffered I/O.
func direct() prog.Witness { return prog.Fired("iomapcheck:__iomap_dio_rw", 1) }

// cached is the witness that the page cache was filled.
func cached() prog.Witness { return prog.Fired("filemap:mm_filemap_add_to_page_cache", 1) }

// stored is the witness that a page became writable through a mapping.
func stored() prog.Witness { return prog.Fired("iomapcheck:do_page_mkwrite", 1) }

// copied is the row of DAX files, which the cache is left out of: dax_iomap_rw copies to and from the storage.
func copied(why string, variants ...string) prog.Row {
	return prog.Row{
		FS: []string{"xfs/dax", "ext4/dax"}, Variants: variants,
		Witnesses: []prog.Witness{prog.Fired("iomapcheck:dax_iomap_rw", 1)},
		Why:       why,
		Kernel:    "dax_iomap_rw, dax_iomap_fault",
	}
}
