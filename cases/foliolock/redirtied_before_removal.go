package foliolock

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A direct write to one part of a page waits for the page's writeback before it takes the page out of the cache. A store to another
// part meanwhile makes it dirty again: it must not go, or the store is lost.
//
//	syncer   fsync of s: writeback ─── held on the disk ────┐
//	writer   ………… direct write n: asleep in writeback …………… dirty again: stays → ENOTBLK
//	main     ……………………………… store t …………………… release
func redirtiedBeforeRemoval() prog.Case {
	const kib = prog.KiB
	return prog.Case{
		ID:     "foliolock/redirtied-before-removal",
		Rule:   "a direct write to a part of a page does not lose what is stored to another part while it waits for the page's writeback",
		Kernel: "invalidate_complete_folio2 looks at the dirty flag again, under the lock of the page cache",
		Source: "the dirty recheck of invalidate_complete_folio2; seed thread 3",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, 4*kib, 'o'), prog.Fsync("f"),
			prog.Store("f", 0, kib, 's'),
			prog.Hold(prog.Writes).Of("f", 0, 4*kib),
			prog.Go("syncer", prog.Fsync("f")),
			prog.AwaitHeld(1),
			prog.Go("writer", prog.DirectWrite("f", kib, kib, 'n').As("write")),
			prog.AwaitBlocked("writer"),
			prog.Store("f", 2*kib, kib, 't').MayBlock().As("store"),
			prog.Release(), prog.Join("syncer"), prog.Join("writer"),
			prog.Load("f", 2*kib, kib).OneOf("to"), // the store may still be under way
			prog.Read("f", 0, 2*kib).ReturnsRuns(prog.Run{Len: kib, Fill: "s"}, prog.Run{Len: kib, Fill: "n"}),
		).Witness(prog.WhileHeld("store"))}},
		Rows: []prog.Row{
			rows.Journalled("there is no writeback in flight that a direct write waits for"),
			{
				FS:          []string{"bcachefs"},
				Unsupported: "direct I/O is in whole blocks, so that there is no other part of the page to store to",
				Why:         "O_DIRECT is aligned to blocks",
				Kernel:      "bch2_direct_write",
			},
			{
				FS: []string{"f2fs"}, Before: "5.18",
				Witnesses: []prog.Witness{prog.WhileHeld("store"), prog.SeenBlocked("write", "folio_wait_writeback")},
				Why:       "the direct write waits for the writeback under way with nothing locked, and the store does not wait for it",
				Kernel:    "generic_file_direct_write → filemap_write_and_wait_range",
			},
			rows.Unflushed(),
			{
				FS:        []string{"f2fs"},
				Witnesses: []prog.Witness{prog.SeenBlocked("store", "folio_wait_bit_common", "__folio_lock", "f2fs_filemap_fault")},
				Why:       "the direct write goes through the page cache, whose folio it has locked while it waits for the writeback under way: the fault waits for the lock",
				Kernel:    "f2fs_should_use_dio, f2fs_write_cache_pages → f2fs_wait_on_page_writeback",
			},
			{
				FS:        []string{"btrfs"},
				Witnesses: []prog.Witness{prog.SeenBlocked("store", "folio_wait_writeback", "folio_wait_bit_common", "__folio_lock", "btrfs_page_mkwrite")},
				Why:       "pages do not change under writeback: the store waits for it",
				Kernel:    "btrfs_page_mkwrite → folio_wait_writeback",
			},
			{
				FS:        []string{"gfs2"},
				Witnesses: []prog.Witness{prog.SeenBlocked("store", "gfs2_glock_wait")},
				Why:       "a direct write holds the inode's glock DEFERRED while it waits, and the fault of a store needs it EXCLUSIVE",
				Kernel:    "gfs2_file_direct_write, gfs2_page_mkwrite → gfs2_glock_wait",
			},
		},
	}
}
