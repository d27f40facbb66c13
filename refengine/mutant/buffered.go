package mutant

import "slices"

// The mutants of buffered I/O, zeroing and writeback are numbered from 64.
const (
	IgnoreIomapValid ID = iota + 64
	WriteSizeAfterPut
	WriteAcceptsShortCopy
	ZeroIgnoresDirty
	MkwriteNoTruncateCheck
	HookAfterUnlock
	IsizeExtendedSkipped
	WritebackKeepsTail
	WritebackIgnoresBlocks
	ConvertBeforeData
	CowRemapBeforeData
	SizeRaisedOnError
	IoendSizeAtCompletion
	PunchUnderDirty
	WriteFailureTruncatesCache
	Gfs2ReleaseSkipsTransaction
	Gfs2KeepsNewBlocks
	Gfs2HoldsGlockOverFault
	Gfs2DataNotInTransaction
	Gfs2NoLogFlush
	Ext4ReleaseSkipsJournal
	Ext4NoEOFZeroing
	Ext4MapsBeforeLock
	Ext4NoCommit
	CloneNoFlush
	CloneKeepsCache
)

func buffered() []Mutant {
	return slices.Concat(bufferedWrite(), writeback(), gfs2(), ext4(), clone())
}

func bufferedWrite() []Mutant {
	return []Mutant{
		{
			IgnoreIomapValid, "ignore-iomap-valid",
			"iomap_write_begin does not ask ->iomap_valid once it has the folio's lock",
			"iomap: write iomap validity checks (d7b64041164c)",
		},
		{
			WriteSizeAfterPut, "write-size-after-put",
			"iomap_write_iter raises i_size after the folio is unlocked: writeback finds it behind the end of the file and drops it",
			"the comment in iomap_write_iter on updating i_size before the folio is unlocked",
		},
		{
			WriteAcceptsShortCopy, "write-accepts-short-copy",
			"__iomap_write_end accepts a short copy into a folio that is not uptodate, whose other bytes were never read",
			"the copied < len check of __iomap_write_end",
		},
		{
			ZeroIgnoresDirty, "zero-ignores-dirty",
			"iomap_zero_range takes unwritten blocks for zeros although a dirty folio is over them",
			"iomap: fix handling of dirty folios over unwritten extents (c5c810b94cfd, 6.12), and the RFC of December 2022, iomap: zeroing needs to be pagecache aware",
		},
		{
			MkwriteNoTruncateCheck, "mkwrite-no-truncate-check",
			"iomap_page_mkwrite does not look whether the folio was truncated or invalidated (folio_mkwrite_check_truncate)",
			"the truncate check of iomap_page_mkwrite",
		},
		{
			HookAfterUnlock, "hook-after-unlock",
			"iomap_write_end unlocks the folio and prepares the cache for the new size before it calls the filesystem's hook",
			"iomap/gfs2: Unlock and put folio in page_done handler (80baab88bb93)",
		},
		{
			IsizeExtendedSkipped, "isize-extended-skipped",
			"pagecache_isize_extended returns at once: stores behind the old end of file do not ask for blocks",
			"vfs: fix data corruption when blocksize < pagesize for mmaped data (90a80202)",
		},
		{
			PunchUnderDirty, "punch-under-dirty",
			"iomap_write_delalloc_release punches reservations under dirty folios",
			"iomap: buffered write failure should not truncate the page cache (f43dc4dc3eff)",
		},
		{
			WriteFailureTruncatesCache, "write-failure-truncates-cache",
			"xfs_buffered_write_iomap_end drops the cache over what a failed write had reserved",
			"iomap: buffered write failure should not truncate the page cache (f43dc4dc3eff)",
		},
	}
}

func writeback() []Mutant {
	return []Mutant{
		{
			WritebackKeepsTail, "writeback-keeps-tail",
			"iomap_writepage_handle_eof does not zero the bytes behind the end of the file",
			"the comment in iomap_writepage_handle_eof: a file is mapped in multiples of the page size, and what is behind the end reads as zeros",
		},
		{
			WritebackIgnoresBlocks, "writeback-ignores-blocks",
			"iomap_find_dirty_range takes every block of a dirty folio, also those that hold nothing valid",
			"iomap: Add per-block dirty state tracking to improve performance (4ce02c679722)",
		},
		{
			ConvertBeforeData, "convert-before-data",
			"unwritten blocks are converted when their write is submitted, not when it has completed",
			"xfs_end_ioend, and the rule that stale blocks are never exposed",
		},
		{
			CowRemapBeforeData, "cow-remap-before-data",
			"xfs_reflink_end_cow runs when the write is submitted, not when it has completed",
			"xfs: only remap the written blocks in xfs_reflink_end_cow_extent (6.7), and the ioend it belongs to",
		},
		{
			SizeRaisedOnError, "size-raised-on-error",
			"xfs_end_ioend raises the size on disk although the write failed",
			"the error check at the top of xfs_end_ioend: a failed write changes nothing on the disk that a mount would find",
		},
		{
			IoendSizeAtCompletion, "ioend-size-at-completion",
			"an ioend's end is clipped to the size at its completion, not when its blocks were mapped",
			"iomap: fix zero padding data issue in concurrent append writes (51d20d1dacbe)",
		},
	}
}

func gfs2() []Mutant {
	return []Mutant{
		{
			Gfs2ReleaseSkipsTransaction, "gfs2-release-skips-transaction",
			"gfs2_release_folio frees buffers that are part of a transaction",
			"the bd_tr check of gfs2_release_folio",
		},
		{
			Gfs2KeepsNewBlocks, "gfs2-keeps-new-blocks",
			"gfs2_iomap_end does not deallocate blocks that a short write has allocated and not filled",
			"the deallocation of blocks that were just allocated in gfs2_iomap_end",
		},
		{
			Gfs2HoldsGlockOverFault, "gfs2-holds-glock-over-fault",
			"gfs2_file_buffered_write faults pages in while it holds the inode's glock",
			"gfs2: Fix mmap + page fault deadlocks for buffered I/O (00bfe02f4796)",
		},
		{
			Gfs2DataNotInTransaction, "gfs2-data-not-in-transaction",
			"gfs2_iomap_put_folio does not add journalled data to the transaction: it is written in place, whenever",
			"the gfs2_trans_add_databufs of gfs2_iomap_put_folio",
		},
		{
			Gfs2NoLogFlush, "gfs2-no-log-flush",
			"gfs2_jdata_writepages does not flush the log: what is pinned in the journal is not written in place",
			"the gfs2_log_flush of gfs2_jdata_writepages",
		},
	}
}

func ext4() []Mutant {
	return []Mutant{
		{
			Ext4ReleaseSkipsJournal, "ext4-release-skips-journal",
			"ext4_release_folio does not ask jbd2_journal_try_to_free_buffers",
			"the journal check of ext4_release_folio",
		},
		{
			Ext4NoEOFZeroing, "ext4-no-eof-zeroing",
			"ext4_setattr and ext4's write_end leave what a mapping has stored behind the old end of file",
			"ext4: partial zero eof block on unaligned inode size extension (c7fc0366c656)",
		},
		{
			Ext4MapsBeforeLock, "ext4-maps-before-lock",
			"ext4_block_write_begin maps the blocks before the folio is locked, and does not look again",
			"iomap: write iomap validity checks (d7b64041164c), from whose bug ext4 was safe by mapping under the lock",
		},
		{
			Ext4NoCommit, "ext4-no-commit",
			"ext4_writepages does not commit the transaction that holds the data first: nothing of it is written in place",
			"ext4: Commit transaction before writing back pages in data=journal mode (1f1a55f0bf06)",
		},
	}
}

func clone() []Mutant {
	return []Mutant{
		{
			CloneNoFlush, "clone-no-flush",
			"generic_remap_file_range_prep does not write the ranges back before their blocks are shared",
			"the flush of generic_remap_file_range_prep",
		},
		{
			CloneKeepsCache, "clone-keeps-cache",
			"xfs_reflink_remap_prep does not drop the destination's cache",
			"the truncate_inode_pages_range of xfs_reflink_remap_prep",
		},
	}
}
