package fallback

import "github.com/iomapcheck/iomapcheck/harness/prog"

// zonefs does not fall back: a direct write of a conventional zone that cannot invalidate the cache is the application's EBUSY, and
// nothing is written.
func zonefsBusy() prog.Case {
	const zone, page = prog.MiB, 4 * prog.KiB
	return prog.Case{
		ID:     "fallback/zonefs-busy",
		Rule:   "where there is no fallback, a direct write whose pages are dirtied again while it writes them back fails with EBUSY, never ENOTBLK, and writes nothing",
		Kernel: "zonefs_file_dio_write",
		Source: "zonefs: Do not propagate iomap_dio_rw() ENOTBLK error to user space (6.3)",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, zone, 'o'), prog.Fsync("f"),
			prog.Store("f", 0, page, 'd'),
			prog.Hold(prog.Writes).Of("f", 0, page),
			prog.Go("writer", prog.DirectWrite("f", 0, page, 'n').Fails("EBUSY").As("write")),
			prog.AwaitHeld(1),
			prog.Store("f", 0, page, 'e').MayBlock().As("redirty"),
			prog.Release(), prog.Join("writer"),
			prog.Read("f", 0, page).Returns('e').As("after"),
		).Witness(prog.WhileHeld("redirty"), prog.Fired("iomap:iomap_dio_invalidate_fail", 1))}},
		Rows: []prog.Row{{
			FS:          []string{"xfs", "ext4", "btrfs", "gfs2", "bcachefs", "f2fs"},
			Unsupported: "it falls back, or writes back again until it succeeds: fallback/redirty-during-writeback",
			Why:         "the error is the file system's own affair",
			Kernel:      "direct_write_fallback, bch2_write_invalidate_inode_pages_range",
		}, {
			FS: []string{"zonefs/conventional"}, Before: "6.1",
			Expect: map[string]prog.Expect{"write": {}, "after": {OneOf: "n"}},
			Why:    "a conventional zone took the write through the page cache, as other file systems do",
			Kernel: "zonefs_file_write_iter: ret != -ENOTBLK",
			Commit: "zonefs: Do not propagate iomap_dio_rw() ENOTBLK error to user space (6.3, 6.1.23)",
		}},
	}
}
