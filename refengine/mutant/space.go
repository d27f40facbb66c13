package mutant

// The mutants of fallocate, of full disks and quotas and of RWF_NOWAIT through the page cache are numbered from 112.
const (
	FallocNoDioWait ID = 112 + iota
	ShiftKeepsCache
	FallbackHidesError
	NowaitReadWaits
	NowaitWriteWaits
	QuotaIgnored
	QuotaAsNoSpace
)

func space() []Mutant {
	return []Mutant{
		{
			FallocNoDioWait, "fallocate-no-dio-wait",
			"->fallocate does not wait for direct I/O in flight before it frees or moves blocks (inode_dio_wait)",
			"the inode_dio_wait of xfs_file_fallocate, ext4_punch_hole and ext4_collapse_range",
		},
		{
			ShiftKeepsCache, "shift-keeps-cache",
			"collapse and insert neither write back nor drop the page cache from the range on (xfs_prepare_shift, ext4_collapse_range)",
			"what xfs_prepare_shift is for; fsx collapses and inserts in xfstests generic/075 and generic/112",
		},
		{
			FallbackHidesError, "fallback-hides-error",
			"a direct write that falls back returns its full length although the page cache had no space for all of it",
			"iomap: fall back to buffered writes for invalidation failures (60263d5889e6): the buffered part's result is the write's",
		},
		{
			NowaitReadWaits, "nowait-read-waits",
			"filemap_update_page waits for the folio's lock although IOCB_NOWAIT is set",
			"fs: support IOCB_NOWAIT in generic_file_buffered_read (4.14)",
		},
		{
			NowaitWriteWaits, "nowait-write-waits",
			"a buffered write with IOCB_NOWAIT takes i_rwsem though it has to sleep for it",
			"xfs: Add async buffered write support (6.0)",
		},
		{
			QuotaIgnored, "quota-ignored",
			"an allocation is not held against what the owner of the file may still have",
			"gfs2: perform quota checks against allocation parameters (4.1): the blocks that were asked for did not count",
		},
		{
			QuotaAsNoSpace, "quota-as-no-space",
			"an allocation beyond the owner's quota fails with ENOSPC, as if the disk were full",
			"what EDQUOT is for: xfs_trans_dqresv gives ENOSPC to project quotas alone",
		},
	}
}
