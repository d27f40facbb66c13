package fallback

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A direct write finds blocks for its first half and none for the second: the disk is full. Whichever way it goes, directly or through the
// page cache, it says so: by ENOSPC, or by the count of what it has written.
func noSpace() prog.Case {
	return prog.Case{
		ID:       "fallback/no-space",
		Rule:     "a direct write for which the disk has no room fails with ENOSPC, or returns the count of bytes that are in the file; what it was not to change stays, no byte of it appears where it found no block, and the file is no longer than its data",
		Kernel:   "xfs_iomap_write_direct, ext4_iomap_alloc, btrfs_dio_iomap_begin → btrfs_delalloc_reserve_space; gfs2_iomap_begin (-ENOTBLK) → gfs2_file_buffered_write",
		Source:   "seed thread 3: which errors come out of a fallback; xfstests generic/102, generic/273 fill disks, none with direct I/O over half of the blocks",
		Variants: runningOut(prog.FillDisk(0), "ENOSPC"),
		Rows: []prog.Row{
			{
				FS: []string{"gfs2"}, Variants: []string{"hole", "dsync", "aio", "extending"}, Target: "vm", Before: "6.1",
				Unsupported: "a file that was written to has blocks set aside, which stay its own when the disk is full: no write of it runs out. Seen on 5.10.262, where another file's write fails",
				Why:         "a multi-block reservation is no one else's",
				Kernel:      "gfs2_inplace_reserve → rg_mblk_search, i_res",
			},
			{
				FS: []string{"f2fs"}, Variants: []string{"hole", "dsync", "aio"}, Before: "5.18", Known: true,
				Why:    "the part for which there is no block is written to the page cache, and counted, and is gone when it cannot be written back: the write returns its full count. Seen on 5.10.262, not on 6.1.192",
				Kernel: "f2fs_preallocate_blocks, f2fs_map_blocks, generic_perform_write",
				Commit: "f2fs: use iomap for direct I/O",
			},
			rows.Journalled("the witness of a direct attempt cannot show"),
			{
				FS:          []string{"zonefs"},
				Unsupported: "a zone has its blocks from the start",
				Why:         "nothing is allocated",
				Kernel:      "zonefs_file_write_iter",
			},
		},
	}
}
