package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Every open file learns once of a writeback that failed since it last asked.
//
//	other   opens, reads …………… held ……………………………………………………… fsync: EIO
//	main    ……………………… write n, fsync: EIO, fsync: 0 ………… release
func writebackErrorIsReported() prog.Case {
	const kib = prog.KiB
	return prog.Case{
		ID:     "coherence/writeback-error-is-reported",
		Rule:   "a failed writeback is reported by the next fsync of every file that was open, once by each",
		Kernel: "mapping_set_error → __filemap_set_wb_err; file_check_and_advance_wb_err",
		Source: "fs: new infrastructure for writeback error handling and reporting (4.13); xfstests generic/441",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, 4*kib, 'o'), prog.Fsync("f"),
			prog.Write("g", 0, 8*kib, 'p'), prog.Fsync("g"),
			prog.DropCaches(),
			prog.Hold(prog.Reads).Of("g", 4*kib, 4*kib),
			prog.Go("other", prog.Read("f", 0, 4*kib), prog.Read("g", 4*kib, 4*kib).Returns('p'), prog.Fsync("f").Fails("EIO")),
			prog.AwaitHeld(1),
			prog.Fail(prog.Writes, "EIO", 1).Of("f", 0, 4*kib),
			prog.Write("f", 0, 4*kib, 'n'),
			prog.Fsync("f").Fails("EIO").As("first"),
			prog.Fsync("f").As("second"),
			prog.Release(), prog.Join("other"),
		).Witness(refused(), prog.WhileHeld("second"))}},
		Rows: []prog.Row{
			{
				FS:     []string{"gfs2/", "gfs2/1k", "gfs2/quota"},
				Expect: map[string]prog.Expect{"second": {Errnos: []string{"EIO"}}},
				Why:    "one file may be told twice: fsync syncs the inode's data a second time, by another way; seen on 6.12",
				Kernel: "gfs2_fsync → filemap_fdatawrite_range, sync_inode_metadata, file_fdatawait_range",
			},
			{
				FS: []string{"btrfs"}, Target: "vm", Since: "6.10",
				Expect: map[string]prog.Expect{"second": {Errnos: []string{"EIO"}}},
				Why:    "an fsync that fails while it waits for writeback leaves the ordered extent finishing and the inode's write error unasked for; the next fsync waits for that extent, and tells of its error too if it comes before the extent is gone",
				Kernel: "btrfs_sync_file: BTRFS_INODE_COW_WRITE_ERROR → btrfs_wait_ordered_range: BTRFS_ORDERED_IOERR",
				Commit: "btrfs: ensure fast fsync waits for ordered extents after a write failure",
			},
			rows.Journalled("what fails is the journal, and the filesystem with it"),
			{
				FS:          []string{"gfs2/jdata"},
				Unsupported: "journalled data is written in place behind the journal's back: what fails there makes the filesystem withdraw",
				Why:         "a failed write of the journal or from it is final",
				Kernel:      "gfs2_ail_error → gfs2_withdraw_delayed",
			},
		},
	}
}
