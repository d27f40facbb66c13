package progress

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A stream of direct writes must not keep fsync waiting: it writes what was dirty when it began.
func fsyncAgainstWrites() prog.Case {
	return prog.Case{
		ID:     "progress/fsync-against-writes",
		Rule:   "fsync returns before a bounded number of direct writes that began after it have ended, however many keep coming",
		Kernel: "vfs_fsync_range → file_write_and_wait_range",
		Source: "seed thread 1: direct I/O \"would hang, I think it was against an fsync call\"",
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, readSize, 'o'),
			prog.Go("syncer", prog.Fsync("f").Before(64, "stream").As("fsync")),
			prog.Go("stream", prog.Until("syncer", prog.DirectWrite("f", 0, readSize, 'n'))),
			prog.Join("syncer"), prog.Join("stream"),
			prog.Read("f", 0, readSize).Returns('n'),
		).Witness(prog.Fired("iomapcheck:__iomap_dio_rw", 1))}},
		Rows: []prog.Row{
			{
				FS:          []string{"ext4/journal"},
				Unsupported: "with data=journal O_DIRECT is carried out buffered: the writes stay in the page cache",
				Why:         "direct I/O to a file with journalled data is buffered",
				Kernel:      "ext4_file_write_iter → ext4_should_use_dio",
			},
			{
				FS: []string{"btrfs/"}, Since: "6.15", Backports: []string{"6.12.77"}, Before: "7.3",
				Unsupported: "a direct write to a file with checksums is carried out through the page cache and flushed: it is no direct I/O that fsync could wait for",
				Why:         "the application may change the buffer under the checksum",
				Kernel:      "btrfs_direct_write, check_direct_IO",
				Commit:      "btrfs: always fallback to buffered write if the inode requires checksum",
			},
		},
	}
}
