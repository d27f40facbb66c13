package regress

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Which errors must not be turned into a fallback? A direct write whose own writeback of the cache fails returned the error up to 6.4,
// and is written through the cache since.
func errorOrFallback() prog.Case {
	return prog.Case{
		ID:     "regress/error-or-fallback",
		Rule:   "a direct write over what cannot be written back is written through the cache, and fsync tells of the error",
		Kernel: "kiocb_invalidate_pages → filemap_write_and_wait_range",
		Source: "seed thread 3: \"which errors\"",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, page, 'o'), prog.Fsync("f"),
			prog.Write("f", 0, page, 'd'),
			prog.Fail(prog.Writes, "EIO", 1).Of("f", 0, page),
			prog.DirectWrite("f", 0, page, 'n').As("write"),
			prog.Fsync("f").Fails("EIO"),
			prog.Read("f", 0, page).Returns('n').As("after"),
		).Witness(prog.Fired("iomap:iomap_dio_invalidate_fail", 1))}},
		Rows: []prog.Row{
			rows.Journalled("what fails is the journal, and the filesystem with it"),
			rows.Checksummed("nothing is written back before it"),
			{
				FS: []string{"f2fs"}, Before: "5.18",
				Expect:    failedAtOnce(),
				Witnesses: []prog.Witness{prog.Fired("filemap:filemap_set_wb_err", 1)},
				Why:       "the cache is written back before the direct write is begun at all, and what that fails with is the write's error; shown by the writeback",
				Kernel:    "generic_file_direct_write → filemap_write_and_wait_range",
			},
			{
				FS: []string{"xfs", "ext4", "btrfs", "f2fs", "zonefs/conventional"}, Before: "6.5",
				Expect:    failedAtOnce(),
				Witnesses: []prog.Witness{direct()},
				Why:       "a writeback that fails is the write's error, and only a failed invalidation a reason to fall back",
				Kernel:    "__iomap_dio_rw → filemap_write_and_wait_range",
				Commit:    "iomap: use kiocb_write_and_wait and kiocb_invalidate_pages",
			},
			{
				FS:          []string{"gfs2"},
				Unsupported: "what is dirty is written back when the glock changes its state, before the direct write asks",
				Why:         "the direct write needs the inode's glock DEFERRED",
				Kernel:      "inode_go_sync",
			},
			{
				FS:          []string{"bcachefs"},
				Unsupported: "there is no fallback: fallback/writeback-error",
				Why:         "the error of the invalidation is the write's",
				Kernel:      "bch2_direct_write",
			},
		},
	}
}

// failedAtOnce is where the writeback's error is the write's: what was in the cache is there still, or what is on the disk.
func failedAtOnce() map[string]prog.Expect {
	return map[string]prog.Expect{"write": {Errnos: []string{"EIO"}, MustFail: true}, "after": {OneOf: "od"}}
}
