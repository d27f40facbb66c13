package mutant

// The mutants that only a power cut shows are numbered from 176.
const (
	DioDsyncNotSynced ID = 176 + iota
	DioSyncBeforeConversion
	DioFUAIgnoresDirty
	WriteNotSynced
	FsyncNoFlush
	FsyncNoLog
	FreedBlocksReused
)

func durability() []Mutant {
	return []Mutant{
		{
			DioDsyncNotSynced, "dio-dsync-not-synced",
			"iomap_dio_complete does not call generic_write_sync for an O_DSYNC write",
			"IOMAP_DIO_NEED_SYNC, by which iomap_dio_complete owes an O_DSYNC write the flush; xfstests generic/482",
		},
		{
			DioSyncBeforeConversion, "dio-sync-before-conversion",
			"iomap_dio_complete calls generic_write_sync before ->end_io: the conversion of unwritten blocks and the new size come after it",
			"the order of ->end_io and generic_write_sync in iomap_dio_complete",
		},
		{
			DioFUAIgnoresDirty, "dio-fua-ignores-dirty",
			"iomap_dio_bio_iter writes with FUA, and leaves the flush out, although IOMAP_F_DIRTY says that the blocks' metadata are not durable",
			"iomap: Use FUA for pure data O_DSYNC DIO writes (3460cac1ca76): pure data means that no metadata are dirty; xfstests generic/482",
		},
		{
			WriteNotSynced, "write-not-synced",
			"generic_write_sync after a buffered write does nothing, also where the write was to be a direct one",
			"generic_write_sync at the end of xfs_file_buffered_write: nothing else makes the fallback of an O_DSYNC write durable",
		},
		{
			FsyncNoFlush, "fsync-no-flush",
			"->fsync writes the data and forces the log, but does not have the disk flush its cache",
			"xfs_file_fsync → blkdev_issue_flush where the log had nothing to write; ext4_sync_file's needs_barrier; xfstests generic/455",
		},
		{
			FsyncNoLog, "fsync-no-log",
			"->fsync has the data made durable, but not the log: sizes and extents stay as they were",
			"xfs_fsync_flush_log: what an inode's fsync has to force; xfstests generic/311",
		},
		{
			FreedBlocksReused, "freed-blocks-reused",
			"blocks that a transaction frees are allocated again before it is committed",
			"xfs_extent_busy, btrfs' pinned extents, jbd2's freed data list: otherwise a crash shows one file's data in another",
		},
	}
}
