package mutant

// The mutants of io_uring, splice and copy_file_range are numbered from 216.
const (
	UringReadShort ID = 216 + iota
	SpliceIgnoresISize
	SpliceWriteNotSynced
	CopySharesPartBlock
	CloneNoDioWait
	UringWaits
)

func paths() []Mutant {
	return []Mutant{
		{
			UringReadShort, "uring-read-short",
			"io_read completes with what it found in the cache, and does not go on to what has to be read",
			"io_uring: need_complete_io, by which a read of a regular file is short at the file's end only",
		},
		{
			SpliceIgnoresISize, "splice-ignores-i-size",
			"filemap_splice_read puts whole pages into the pipe, also behind the end of the file",
			"splice: Fix filemap_splice_read() to use the correct inode, whose size says how much of a page may go into the pipe",
		},
		{
			SpliceWriteNotSynced, "splice-write-not-synced",
			"iter_file_splice_write leaves IOCB_DSYNC out of its writes to a file with O_DSYNC",
			"the iocb flags of iter_file_splice_write (init_sync_kiocb): ->write_iter owes the flush, whoever calls it",
		},
		{
			CloneNoDioWait, "clone-no-dio-wait",
			"generic_remap_file_range_prep does not wait for direct I/O in flight of the files whose blocks it shares",
			"the inode_dio_wait of generic_remap_file_range_prep: blocks that are being written must not become another file's as well",
		},
		{
			UringWaits, "uring-waits",
			"io_read and io_write leave IOCB_NOWAIT out when a request is submitted: the submitter waits for the disk",
			"IO_URING_F_NONBLOCK, which a submission is issued with; what would wait is a worker's",
		},
		{
			CopySharesPartBlock, "copy-shares-part-block",
			"a copy that shares blocks shares the last one whole, although only a part of it was asked for",
			"xfs: fix data corruption w/ unaligned reflink ranges (4.20); the rounding of generic_remap_check_len",
		},
	}
}
