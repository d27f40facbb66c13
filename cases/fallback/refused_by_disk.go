package fallback

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Who writes with O_DIRECT learns of the disk's errors from the write. Where the page cache does the work that must not change: what is
// written through it is written back before the write returns.
func refusedByDisk() prog.Case {
	return prog.Case{
		ID:     "fallback/refused-by-disk",
		Rule:   "a direct write that goes through the page cache returns the disk's error for its data, as it would have done directly",
		Kernel: "direct_write_fallback → filemap_write_and_wait_range; btrfs_direct_write → filemap_fdatawait_range",
		Source: "fs: factor out a direct_write_fallback helper (6.5)",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, 4*prog.KiB, 'o'), prog.Fsync("f"),
			prog.Fail(prog.Writes, "EIO", 0).Of("f", 0, 4*prog.KiB),
			prog.DirectWrite("f", 0, 4*prog.KiB, 'n').Fails("EIO").As("write"),
			prog.Read("f", 0, 4*prog.KiB).OneOf("on"),
		).Witness(prog.Fired("filemap:filemap_set_wb_err", 1))}},
		Rows: []prog.Row{
			rows.Journalled("what fails is the journal, and the filesystem with it"),
			{
				FS: []string{"btrfs/"}, Since: "6.15", Backports: []string{"6.12.117"}, Before: "7.3",
				Witnesses: []prog.Witness{prog.Fired("filemap:filemap_set_wb_err", 1)},
				Why:       "a direct write to a file with checksums is carried out through the page cache",
				Kernel:    "btrfs_direct_write, check_direct_IO",
				Commit:    "btrfs: always fallback to buffered write if the inode requires checksum",
			},
			{
				FS:          []string{"xfs", "ext4", "btrfs", "gfs2", "bcachefs", "f2fs", "zonefs"},
				Unsupported: "a direct write of blocks that the file has is direct: coherence/failed-direct-write",
				Why:         "nothing sends it through the page cache",
				Kernel:      "iomap_dio_rw",
			},
		},
	}
}
