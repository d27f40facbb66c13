package mutant

// The mutants of single filesystems are numbered from 192.
const (
	XfsLeaksENOTBLK ID = 192 + iota
	Ext4LeaksENOTBLK
	BtrfsLeaksENOTBLK
	ZonefsLeaksENOTBLK
	XfsUnalignedCow
	XfsUnalignedNoDioWait
	BtrfsNoProgressTest
	BtrfsFaultsWhileLocked
	BtrfsReadsIgnoreOrdered
	BtrfsOrderedBeforeData
	BtrfsKeepsISize
	BtrfsReleaseSleeps
	ZonefsPointerStays
	ZonefsPointerNotRecovered
	ZonefsAppendKeepsCache
	BcachefsNoSecondInvalidation
	BcachefsNoBlock
	BcachefsFaultsOwnMapping
	BcachefsIgnoresInvalidation
)

func personal() []Mutant {
	return append([]Mutant{
		{
			XfsLeaksENOTBLK, "xfs-leaks-enotblk",
			"xfs_file_write_iter returns the -ENOTBLK of xfs_file_dio_write instead of writing through the cache",
			"xfs: use ENOTBLK for direct I/O to buffered I/O fallback (80e543ae24db)",
		},
		{
			Ext4LeaksENOTBLK, "ext4-leaks-enotblk",
			"ext4_dio_write_iter returns -ENOTBLK instead of going on to ext4_buffered_write_iter",
			"iomap: fall back to buffered writes for invalidation failures (60263d5889e6), its part in fs/ext4/file.c",
		},
		{
			BtrfsLeaksENOTBLK, "btrfs-leaks-enotblk",
			"btrfs_direct_write does not take -ENOTBLK for a request to go on to btrfs_buffered_write",
			"btrfs: switch to iomap for direct IO: btrfs_dio_iomap_begin and the loop without progress say -ENOTBLK",
		},
		{
			ZonefsLeaksENOTBLK, "zonefs-leaks-enotblk",
			"zonefs_file_dio_write returns -ENOTBLK to user space",
			"zonefs: Do not propagate iomap_dio_rw() ENOTBLK error to user space (77af13ba3c7f)",
		},
		{
			XfsUnalignedCow, "xfs-unaligned-cow",
			"xfs_file_dio_write_unaligned writes a part of a shared block directly: the rest of the new block is not copied",
			"xfs: reject all unaligned direct writes to reflinked files (54a4ef8af4e0): trace_xfs_reflink_bounce_dio_write says when one goes through the cache",
		},
		{
			XfsUnalignedNoDioWait, "xfs-unaligned-no-dio-wait",
			"xfs_file_dio_write_unaligned zeroes the rest of a block without waiting for direct I/O in flight",
			"xfs: serialise unaligned direct IOs (eda77982729b)",
		},
	}, append(personalBtrfs(), append(personalZonefs(), personalBcachefs()...)...)...)
}

func personalBtrfs() []Mutant {
	return []Mutant{
		{
			BtrfsNoProgressTest, "btrfs-no-progress-test",
			"btrfs_direct_write faults in and tries again even if as much is left as the last time",
			"btrfs: fix deadlock due to page faults during direct IO reads and writes (51bd9563b678)",
		},
		{
			BtrfsFaultsWhileLocked, "btrfs-faults-while-locked",
			"btrfs_direct_write leaves page faults on while an ordered extent is open",
			"btrfs: fix deadlock due to page faults during direct IO reads and writes (51bd9563b678)",
		},
		{
			BtrfsReadsIgnoreOrdered, "btrfs-reads-ignore-ordered",
			"btrfs_readahead does not wait for ordered extents (btrfs_lock_and_flush_ordered_range)",
			"btrfs_lock_and_flush_ordered_range: what was written back is not where the metadata says until its ordered extent is finished",
		},
		{
			BtrfsOrderedBeforeData, "btrfs-ordered-before-data",
			"a direct write's ordered extent is finished when it is submitted, not when its data is on the disk",
			"what ordered extents are for: metadata must not name blocks before their data is there",
		},
		{
			BtrfsKeepsISize, "btrfs-keeps-isize",
			"btrfs_direct_write does not take the size back that btrfs_dio_iomap_begin raised, when less was written",
			"the size that btrfs_dio_iomap_begin raises is reverted after a short write",
		},
		{
			BtrfsReleaseSleeps, "btrfs-release-sleeps",
			"try_release_extent_state waits for the range to be unlocked, whatever its caller holds",
			"iomap: Return zero in case of unsuccessful pagecache invalidation before DIO (May 2020): sleeping on the extent state hung",
		},
	}
}

func personalZonefs() []Mutant {
	return []Mutant{
		{
			ZonefsPointerStays, "zonefs-pointer-stays",
			"zonefs_file_dio_write does not advance the write pointer when it submits",
			"z_wpoffset moves at submission: asynchronous writes of a zone follow each other",
		},
		{
			ZonefsPointerNotRecovered, "zonefs-pointer-not-recovered",
			"a failed write leaves the write pointer where it would have gone",
			"zonefs_io_error, which takes the write pointer from the disk",
		},
		{
			ZonefsAppendKeepsCache, "zonefs-append-keeps-cache",
			"zonefs_file_dio_append does not invalidate the last cached page",
			"zonefs: Always invalidate last cached page on append write (c1976bd8f230)",
		},
	}
}

func personalBcachefs() []Mutant {
	return []Mutant{
		{
			BcachefsNoSecondInvalidation, "bcachefs-no-second-invalidation",
			"bch2_dio_write_loop does not invalidate again when a page fault dropped and retook the page cache lock",
			"fdm_dropped_locks in bch2_dio_write_loop and bch2_page_fault",
		},
		{
			BcachefsNoBlock, "bcachefs-no-block",
			"bch2_direct_write does not keep page faults and buffered writes out (bch2_pagecache_block_get)",
			"ei_pagecache_lock, bcachefs' answer to what other filesystems do by invalidating twice",
		},
		{
			BcachefsFaultsOwnMapping, "bcachefs-faults-own-mapping",
			"bch2_page_fault does not look at current->faults_disabled_mapping",
			"sched: Add task_struct->faults_disabled_mapping, and the discussion of it (May 2023)",
		},
		{
			BcachefsIgnoresInvalidation, "bcachefs-ignores-invalidation",
			"bch2_direct_write goes on when bch2_write_invalidate_inode_pages_range failed",
			"bcachefs has no fallback: the error of the invalidation is the write's",
		},
	}
}
