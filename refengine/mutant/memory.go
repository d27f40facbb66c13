package mutant

// The mutants of the page cache, reclaim, user memory and DAX are numbered from 128.
const (
	InvalidateAlwaysOK ID = iota + 128
	InvalidateNoDirtyRecheck
	InvalidateNoUnmap
	PostInvalidateSilent
	FdatawaitSkipped
	WbErrLost
	WbErrTwice
	WbErrOnceForAll
	NoMkclean
	ReadISizeBeforeUptodate
	FaultNoISizeRecheck
	AddWithoutInvalidateLock
	TruncateNoWaitWriteback
	TruncateSkipsLocked
	TruncateKeepsTail
	ReclaimTakesDirty
	ReclaimTakesLocked
	ReclaimNoUnmap
	ReclaimIgnoresPins
	DAXLayoutsNotBroken
	DAXBreakNoRetry
	DAXBreakKeepsLock
	DAXHoleStaysMapped
	UnpinKeepsClean
	ReadCountsUncopied
)

func memory() []Mutant {
	return append(append(invalidation(), faults()...), append(reclaim(), dax()...)...)
}

func invalidation() []Mutant {
	return []Mutant{
		{
			InvalidateAlwaysOK, "invalidate-always-ok",
			"invalidate_inode_pages2_range returns 0 although a folio stayed",
			"iomap: fall back to buffered writes for invalidation failures (60263d5889e6), which made the result count",
		},
		{
			InvalidateNoDirtyRecheck, "invalidate-no-dirty-recheck",
			"invalidate_complete_folio2 does not look again whether the folio is dirty before it removes it",
			"the dirty recheck of invalidate_complete_folio2, without which a store through a mapping that comes after the writeback is lost",
		},
		{
			InvalidateNoUnmap, "invalidate-no-unmap",
			"invalidate_inode_pages2_range removes folios from the cache and leaves them in page tables",
			"mm: fix fault vs invalidate race for linear mappings (d00806b18315)",
		},
		{
			PostInvalidateSilent, "post-invalidate-silent",
			"kiocb_invalidate_post_direct_write neither warns nor sets wb_err when the invalidation fails",
			"dio_warn_stale_pagecache and its errseq_set: a cache that the kernel knows to be stale is said to be so",
		},
		{
			FdatawaitSkipped, "fdatawait-skipped",
			"filemap_write_and_wait_range and file_write_and_wait_range do not wait for the writeback they have started",
			"the wait of filemap_write_and_wait_range that direct reads and fsync rely on",
		},
		{
			WbErrLost, "wb-err-lost",
			"mapping_set_error does not call filemap_set_wb_err: fsync never learns of a failed writeback",
			"fs: new infrastructure for writeback error handling and reporting",
		},
		{
			WbErrTwice, "wb-err-twice",
			"file_check_and_advance_wb_err does not advance f_wb_err: every fsync reports the same error",
			"fs: new infrastructure for writeback error handling and reporting",
		},
		{
			WbErrOnceForAll, "wb-err-once-for-all",
			"the first fsync that reports an error clears it for all open files, as AS_EIO did",
			"fs: new infrastructure for writeback error handling and reporting",
		},
		{
			TruncateNoWaitWriteback, "truncate-no-wait-writeback",
			"truncate_inode_pages_range drops folios that are being written, so that their blocks are freed under the write",
			"the folio_wait_writeback of truncate_inode_pages_range's second pass",
		},
		{
			TruncateSkipsLocked, "truncate-skips-locked",
			"truncate_inode_pages_range ends after its trylock pass and leaves folios that somebody has locked",
			"the second pass of truncate_inode_pages_range",
		},
		{
			TruncateKeepsTail, "truncate-keeps-tail",
			"truncate_inode_partial_folio does not zero the bytes behind the cut",
			"mm: zero range of eof folio exposed by inode size extension (52aecaee1c26), and xfstests generic/363",
		},
	}
}

func faults() []Mutant {
	return []Mutant{
		{
			UnpinKeepsClean, "unpin-keeps-clean",
			"bio_check_pages_dirty does not make pages dirty again that writeback has cleaned while a direct read was filling them",
			"the reason for bio_dirty_fn: what a device writes to a cleaned page is lost when the page leaves the cache",
		},
		{
			ReadCountsUncopied, "read-counts-uncopied",
			"filemap_read counts what it meant to copy instead of what copy_folio_to_iter has copied",
			"the short copies of filemap_read: a buffer that faults in its middle",
		},
		{
			NoMkclean, "no-mkclean",
			"folio_clear_dirty_for_io does not write-protect the folio in page tables: later stores leave no dirty flag",
			"mm: tracking shared dirty pages (d08b3851da41)",
		},
		{
			ReadISizeBeforeUptodate, "read-i-size-before-uptodate",
			"filemap_read looks at i_size before the folio is uptodate instead of after",
			"the comment in filemap_read on why i_size is checked after the folio is known to be uptodate",
		},
		{
			FaultNoISizeRecheck, "fault-no-i-size-recheck",
			"filemap_fault does not look at i_size again once it has the folio's lock",
			"the comment in filemap_fault on why i_size must be checked again under the folio's lock",
		},
		{
			AddWithoutInvalidateLock, "add-without-invalidate-lock",
			"page_cache_ra_unbounded and filemap_fault add and read folios without invalidate_lock",
			"mm: Protect operations adding pages to page cache with invalidate_lock",
		},
	}
}

func reclaim() []Mutant {
	return []Mutant{
		{
			ReclaimTakesDirty, "reclaim-takes-dirty",
			"shrink_folio_list removes dirty folios",
			"the dirty recheck of __remove_mapping",
		},
		{
			ReclaimTakesLocked, "reclaim-takes-locked",
			"shrink_folio_list does not need the folio's lock",
			"the folio_trylock of shrink_folio_list; iomap/gfs2: Unlock and put folio in page_done handler, where work on an unlocked folio met reclaim",
		},
		{
			ReclaimNoUnmap, "reclaim-no-unmap",
			"shrink_folio_list removes folios that page tables map without unmapping them",
			"the try_to_unmap of shrink_folio_list",
		},
		{
			ReclaimIgnoresPins, "reclaim-ignores-pins",
			"__remove_mapping takes folios that are pinned for I/O",
			"the folio_ref_freeze of __remove_mapping, which fails while somebody has a reference",
		},
	}
}

func dax() []Mutant {
	return []Mutant{
		{
			DAXLayoutsNotBroken, "dax-layouts-not-broken",
			"xfs_break_layouts and ext4_break_layouts return at once: blocks are freed under I/O to pinned pages",
			"xfs, dax: introduce xfs_break_dax_layouts()",
		},
		{
			DAXBreakNoRetry, "dax-break-no-retry",
			"xfs_break_layouts waits for the first pinned page only and does not look again",
			"xfs, dax: introduce xfs_break_dax_layouts(), its retry loop",
		},
		{
			DAXBreakKeepsLock, "dax-break-keeps-lock",
			"xfs_wait_dax_page keeps the MMAPLOCK while it waits: a direct I/O that faults with pages pinned never ends",
			"xfs, dax: introduce xfs_break_dax_layouts(); the thread of its review, where which lock to keep was the question",
		},
		{
			DAXHoleStaysMapped, "dax-hole-stays-mapped",
			"dax_iomap_iter does not invalidate the range of a write to new blocks: page tables keep the zero page",
			"dax: fix data corruption due to stale mmap reads",
		},
	}
}
