package fallback

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A page that is dirtied again during the writeback that a direct write starts cannot be invalidated: the write must fall back
// to buffered I/O, return its full count, and leave every path agreeing.
//
//	main     store d …………………………………………… store e ……………… release
//	writer   ……………… direct write n: writeback of d ─ held ─┐ invalidate fails: dirty again → ENOTBLK → buffered write n
func redirtyDuringWriteback() prog.Case {
	return prog.Case{
		ID:     "fallback/redirty-during-writeback",
		Rule:   "a direct write whose pages are dirtied again while it writes them back returns its full count, never ENOTBLK, and direct, buffered and mapped reads agree afterwards",
		Kernel: "__iomap_dio_rw → kiocb_invalidate_pages fails → -ENOTBLK (\"invalidation failed: the caller falls back to buffered I/O\")",
		Source: "seed thread 3: \"iomap: fall back to buffered writes for invalidation failures\" (5.9)",
		Needs:  []string{"disk", "trace"},
		Variants: []prog.Variant{
			{Program: redirty(prog.Store("f", 0, whole, 'e'), prog.DirectWrite("f", 0, whole, 'n').As("dio"))},
			{Name: "aio", Program: redirty(prog.Store("f", 0, whole, 'e'), prog.AIOWrite("w", "f", 0, whole, 'n'), prog.Reap("w").As("dio"))},
			{Name: "uring", Program: redirty(prog.Store("f", 0, whole, 'e'),
				prog.UringWrite("w", "f", 0, whole, 'n').With(prog.Direct), prog.Reap("w").As("dio"))},
			{Name: "vectored", Program: redirty(prog.Store("f", 0, whole, 'e'), prog.DirectWrite("f", 0, whole, 'n').With(prog.Vectored).As("dio"))},
			{Name: "dsync", Program: redirty(prog.Store("f", 0, whole, 'e'), prog.DirectWrite("f", 0, whole, 'n').With(prog.DSync).As("dio"))},
			// One page in the middle is enough, and the whole write falls back.
			{Name: "page", Program: redirty(prog.Store("f", 32*prog.KiB, 4*prog.KiB, 'e'), prog.DirectWrite("f", 0, whole, 'n').As("dio"))},
		},
		Rows: []prog.Row{
			rows.Journalled("there is no direct write that could fall back"),
			rows.BufferHeads(),
			{
				FS: []string{"btrfs/"}, Since: "6.15", Backports: []string{"6.12.77"}, Before: "7.3",
				Expect:    storeIsOvertaken(),
				Witnesses: []prog.Witness{prog.SeenBlocked("redirty", "folio_wait_writeback")},
				Why:       "a direct write to a file with checksums is carried out through the page cache and then flushed, so that there is nothing to invalidate; the store waits for that writeback and comes after the write",
				Kernel:    "btrfs_direct_write, check_direct_IO; btrfs_page_mkwrite → folio_wait_writeback",
				Commit:    "btrfs: always fallback to buffered write if the inode requires checksum",
			},
			stable(prog.Row{}, "folio_wait_writeback"),
			{
				FS:        []string{"bcachefs"},
				Expect:    storeIsOvertaken(),
				Witnesses: []prog.Witness{prog.SeenBlocked("redirty", "__bch2_two_state_lock", "two_state_lock")},
				Why:       "a direct write keeps the faults of stores out from before its writeback to its end; afterwards the store comes last",
				Kernel:    "bch2_direct_write → bch2_pagecache_block_get",
			},
			{
				FS:        []string{"gfs2"},
				Expect:    storeIsOvertaken(),
				Witnesses: []prog.Witness{prog.SeenBlocked("redirty", "gfs2_glock_wait", "inode_dio_wait")},
				Why:       "a direct write holds the inode's glock DEFERRED from before its writeback to its end, and the fault of a store needs it SHARED or EXCLUSIVE, so that the page cannot be dirtied meanwhile; afterwards the store comes last",
				Kernel:    "gfs2_file_direct_write, gfs2_fault, gfs2_page_mkwrite → gfs2_glock_wait",
			},
		},
	}
}

// redirty makes the cache dirty, holds the writeback that the write starts, and makes it dirty again.
func redirty(store prog.Op, write ...prog.Op) prog.Program {
	return prog.New(
		prog.Write("f", 0, whole, 'o'), prog.Fsync("f"),
		prog.Store("f", 0, whole, 'd'),
		prog.Hold(prog.Writes).Of("f", 0, whole),
		prog.Go("writer", write...),
		prog.AwaitHeld(1),
		store.MayBlock().As("redirty"),
		prog.Release(), prog.Join("writer"),
		prog.Read("f", 0, whole).Returns('n').As("after"),
	).Witness(prog.WhileHeld("redirty"), prog.Fired("iomap:iomap_dio_invalidate_fail", 1))
}

// stable is the row of btrfs, whose pages do not change under writeback; the store sleeps in one of the functions.
func stable(r prog.Row, in ...string) prog.Row {
	r.FS = []string{"btrfs"}
	r.Expect = storeIsOvertaken()
	r.Witnesses = []prog.Witness{prog.SeenBlocked("redirty", in...)}
	r.Why = "a store to a page under writeback waits for the writeback, so that the page cannot be dirtied during it; afterwards store and write race, and either may win"
	r.Kernel = "btrfs_page_mkwrite → folio_wait_writeback"
	return r
}

// storeIsOvertaken is what the final read may see where the second store had to wait: it comes before or after the write, and
// may still be under way.
func storeIsOvertaken() map[string]prog.Expect {
	return map[string]prog.Expect{"after": {OneOf: "ne"}}
}
