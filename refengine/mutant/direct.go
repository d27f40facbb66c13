package mutant

// The mutants of direct I/O and of who waits for it.
const (
	DioSkipPostInvalidate ID = iota
	DioIgnoreInvalidateFailure
	TruncateNoDioWait
)

func direct() []Mutant {
	return []Mutant{
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
			"fs: kill i_alloc_sem, which made truncate wait for i_dio_count instead of taking a lock; without the wait, blocks are " +
				"freed under direct I/O in flight",
		},
	}
}
