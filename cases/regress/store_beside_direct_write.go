package regress

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A page that stays in the cache under a direct write might be marked not uptodate, so that whoever looks it up reads it again: as
// proposed instead of the fallback. But the write covers a part of the page, and a store to another part is in no other place:
//
//	page     [ n | o | e | o … )    n written directly, e stored during the writeback before it
func storeBesideDirectWrite() prog.Case {
	const sector, at, n = 512, prog.KiB, 100
	return prog.Case{
		ID:     "regress/store-beside-direct-write",
		Rule:   "a store to a page during the writeback that a direct write of another part of it starts is not lost, and neither is the write",
		Kernel: "__iomap_dio_rw: a failed invalidation is -ENOTBLK (\"invalidation failed: the caller falls back to buffered I/O\")",
		Source: "seed thread 3: the proposal to mark folios not uptodate that cannot be invalidated",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, page, 'o'), prog.Fsync("f"),
			prog.Mlock("f", 0, page),
			prog.Store("f", at, n, 'd'),
			prog.Hold(prog.Writes).Of("f", 0, page),
			prog.Go("writer", prog.DirectWrite("f", 0, sector, 'n')),
			prog.AwaitHeld(1),
			prog.Store("f", at, n, 'e').MayBlock().As("redirty"),
			prog.Release(), prog.Join("writer"),
			prog.Load("f", 0, page).ReturnsRuns(
				prog.Run{Len: sector, Fill: "n"}, prog.Run{Len: at - sector, Fill: "o"}, prog.Run{Len: n, Fill: "e"}, prog.Run{Len: page - at - n, Fill: "o"},
			),
			prog.Munlock("f", 0, page),
		).Witness(prog.WhileHeld("redirty"), prog.Fired("iomap:iomap_dio_invalidate_fail", 1))}},
		Rows: []prog.Row{
			rows.Journalled("nothing is invalidated"),
			{
				FS:          []string{"btrfs", "gfs2"},
				Unsupported: "a store waits for the writeback, or for the direct write: fallback/redirty-during-writeback",
				Why:         "pages do not change under writeback, or the glock keeps the fault out",
				Kernel:      "btrfs_page_mkwrite → folio_wait_writeback, gfs2_fault → gfs2_glock_wait",
			},
			{
				FS:          []string{"f2fs"},
				Unsupported: "a direct write of a part of a block goes through the page cache: it invalidates nothing that a store could be in the way of",
				Why:         "direct I/O is of whole blocks, and the rest falls back before it begins",
				Kernel:      "f2fs_should_use_dio",
			},
		},
	}
}
