package mutant

import "slices"

// The mutants of direct I/O and of who waits for it.
const (
	DioSkipPostInvalidate ID = iota
	DioIgnoreInvalidateFailure
	TruncateNoDioWait
	DioInvalidatesBehind
	DioInvalidateNothing
	DioNoWaitAfterFault
	DioTailOnlyIfNew
	DioNoZeroAfterFault
	DioHeadNotZeroed
	DioKeepsWriteThrough
	DioReadPastEOF
	DioReadInvalidates
	DioSizeBeforeConversion
	DioEndBeforeInvalidate
	DioInlineThoughCached
	DioAioErrorLost
	DioForgetsDoneBefore
	DioNowaitBlocks
	CowRemapsEarly
	FallbackNoFlush
	FallbackCountsBufferedOnly
	FallbackWrongPosition
	FallbackOnAnyError
)

func direct() []Mutant {
	return append([]Mutant{
		{
			DioSkipPostInvalidate, "dio-skip-post-invalidate",
			"iomap_dio_complete does not call kiocb_invalidate_post_direct_write",
			"iomap: invalidate page caches should be after iomap_dio_complete() in direct write (c771c14baa33)",
		},
		{
			DioIgnoreInvalidateFailure, "dio-ignore-invalidate-failure",
			"__iomap_dio_rw goes on writing directly when kiocb_invalidate_pages failed, instead of returning -ENOTBLK",
			"iomap: fall back to buffered writes for invalidation failures (60263d5889e6)",
		},
		{
			TruncateNoDioWait, "truncate-no-dio-wait",
			"xfs_setattr_size, ext4_setattr, btrfs_setsize and gfs2_setattr_size do not call inode_dio_wait",
			"fs: kill i_alloc_sem (bd5fe6c5eb9c, 3.1), since when truncate waits for i_dio_count instead of taking a lock; without the " +
				"wait, blocks are freed under direct I/O in flight",
		},
		{
			DioInvalidatesBehind, "dio-invalidates-behind",
			"iomap_dio_complete advances ki_pos before kiocb_invalidate_post_direct_write, which invalidates from there",
			"filemap: add a kiocb_invalidate_post_direct_write helper: who has moved ki_pos, and when",
		},
		{
			DioInvalidateNothing, "dio-invalidate-nothing",
			"filemap_invalidate_pages returns after the writeback, without invalidating",
			"iomap: fall back to buffered writes for invalidation failures: what the call before submission is for",
		},
	}, slices.Concat(directSubmission(), directCompletion(), fallback())...)
}

// directSubmission are those between the invalidation and the last request.
func directSubmission() []Mutant {
	return []Mutant{
		{
			DioNoWaitAfterFault, "dio-no-wait-after-fault",
			"__iomap_dio_rw queues an asynchronous request of which a page fault left the rest, instead of waiting and returning how much was done",
			"iomap: Support partial direct I/O on user copy failures",
		},
		{
			DioTailOnlyIfNew, "dio-tail-only-if-new",
			"iomap_dio_bio_iter zeroes the tail of a block only if it is new or unwritten, not behind the end of the file",
			"iomap: sub-block dio needs to zeroout beyond EOF (b450672fb66b)",
		},
		{
			DioNoZeroAfterFault, "dio-no-zero-after-fault",
			"iomap_dio_bio_iter returns at a fault of the user's memory without zeroing the tail of the block",
			"iomap: dio data corruption and spurious errors when pipes fill (4721a6010990)",
		},
		{
			DioHeadNotZeroed, "dio-head-not-zeroed",
			"iomap_dio_bio_iter does not zero from the start of a new block to the write",
			"iomap: implement direct I/O: its sub-block zeroing, without which a new block shows what was on the disk",
		},
		{
			DioKeepsWriteThrough, "dio-keeps-write-through",
			"iomap_dio_bio_opflags keeps IOMAP_DIO_WRITE_THROUGH when a request does not use FUA: the flush is left out",
			"iomap: Use FUA for pure data O_DSYNC DIO writes (3460cac1ca76); iomap: treat a write through cache the same as FUA",
		},
		{
			DioReadInvalidates, "dio-read-invalidates",
			"__iomap_dio_rw invalidates the cache for reads as well",
			"iomap: Only invalidate page cache pages on direct IO writes (54752de928c4)",
		},
		{
			DioNowaitBlocks, "dio-nowait-blocks",
			"kiocb_invalidate_pages writes back and waits for an IOCB_NOWAIT request, instead of returning -EAGAIN",
			"fs: Introduce filemap_range_has_page(): what IOCB_NOWAIT writes ask instead of waiting",
		},
		{
			CowRemapsEarly, "cow-remaps-early",
			"a direct write to shared blocks remaps the file to its new blocks before their data is on the disk",
			"xfs_dio_write_end_io, which calls xfs_reflink_end_cow when the data is on the disk and not before",
		},
	}
}

// directCompletion are those of iomap_dio_complete and its callers.
func directCompletion() []Mutant {
	return []Mutant{
		{
			DioReadPastEOF, "dio-read-past-eof",
			"iomap_dio_complete does not clip a read to i_size",
			"the check for short reads in iomap_dio_complete, without which a read returns more than the file has",
		},
		{
			DioSizeBeforeConversion, "dio-size-before-conversion",
			"xfs_dio_write_end_io raises i_size before it converts unwritten extents",
			"xfs: update i_size after unwritten conversion in dio completion (ee70daaba82d)",
		},
		{
			DioEndBeforeInvalidate, "dio-end-before-invalidate",
			"iomap_dio_complete calls inode_dio_end before the second invalidation",
			"the order of kiocb_invalidate_post_direct_write and inode_dio_end in iomap_dio_complete: inode_dio_wait stands for a coherent cache",
		},
		{
			DioInlineThoughCached, "dio-inline-though-cached",
			"iomap_dio_bio_end_io completes an overwrite inline, without invalidating, although folios are cached",
			"IOMAP_DIO_NO_INVALIDATE, which is for mappings without pages",
		},
		{
			DioAioErrorLost, "dio-aio-error-lost",
			"iomap_dio_complete reports an asynchronous request as done although one of its bios failed",
			"iomap_dio_set_error: one bio that fails fails the whole",
		},
		{
			DioForgetsDoneBefore, "dio-forgets-done-before",
			"iomap_dio_complete does not add done_before to the result",
			"iomap: Add done_before argument to iomap_dio_rw (4fdccaa0d184)",
		},
	}
}

// fallback are those of the way from the direct to the buffered path.
func fallback() []Mutant {
	return []Mutant{
		{
			FallbackNoFlush, "fallback-no-flush",
			"direct_write_fallback neither writes back nor waits",
			"fs: factor out a direct_write_fallback helper (44fff0fa08ec): who writes directly expects the data on the disk, and its errors",
		},
		{
			FallbackCountsBufferedOnly, "fallback-counts-buffered-only",
			"direct_write_fallback returns the buffered bytes, without the direct ones before them",
			"fs: factor out a direct_write_fallback helper (44fff0fa08ec)",
		},
		{
			FallbackWrongPosition, "fallback-wrong-position",
			"the buffered rest of a direct write goes to where the write began",
			"fs: factor out a direct_write_fallback helper (44fff0fa08ec): what ki_pos is after a partial direct write",
		},
		{
			FallbackOnAnyError, "fallback-on-any-error",
			"a direct write that fails is tried again through the cache, whatever the error",
			"RFC: iomap write invalidation (July 2020): which errors must not become a fallback",
		},
	}
}
