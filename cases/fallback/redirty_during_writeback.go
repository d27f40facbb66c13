package fallback

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A page that is dirtied again during the writeback that a direct write starts cannot be invalidated: the write must fall back
// to buffered I/O, return its full count, and leave every path agreeing.
//
//	main     store d …………………………………………… store e ……………… release
//	writer   ……………… direct write n: writeback of d ─ held ─┐ invalidate fails: dirty again → ENOTBLK → buffered write n
func redirtyDuringWriteback() prog.Case {
	const size = 64 * prog.KiB
	return prog.Case{
		ID:     "fallback/redirty-during-writeback",
		Rule:   "a direct write whose pages are dirtied again while it writes them back returns its full count, never ENOTBLK, and direct, buffered and mapped reads agree afterwards",
		Kernel: "__iomap_dio_rw → kiocb_invalidate_pages fails → -ENOTBLK (\"invalidation failed: the caller falls back to buffered I/O\")",
		Source: "seed thread 2: \"iomap: fall back to buffered writes for invalidation failures\" (5.9)",
		Needs:  []string{"disk", "trace"},
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, size, 'o'), prog.Fsync("f"),
			prog.Store("f", 0, size, 'd'),
			prog.Hold(prog.Writes).Of("f", 0, size),
			prog.Go("writer", prog.DirectWrite("f", 0, size, 'n').As("dio")),
			prog.AwaitHeld(1),
			prog.Store("f", 0, size, 'e').MayBlock().As("redirty"),
			prog.Release(), prog.Join("writer"),
			prog.Read("f", 0, size).Returns('n').As("after"),
		).Witness(prog.WhileHeld("redirty"), prog.Fired("iomap:iomap_dio_invalidate_fail", 1))}},
		Rows: []prog.Row{
			{
				FS:        []string{"btrfs", "btrfs/nodatasum"},
				Expect:    storeIsOvertaken(),
				Witnesses: []prog.Witness{prog.SeenBlocked("redirty")},
				Why:       "a store to a page under writeback waits for the writeback, so that the page cannot be dirtied during it; afterwards store and write race, and either may win",
				Kernel:    "btrfs_page_mkwrite → folio_wait_writeback",
			},
			{
				FS:        []string{"gfs2"},
				Expect:    storeIsOvertaken(),
				Witnesses: []prog.Witness{prog.SeenBlocked("redirty")},
				Why:       "a direct write holds the inode's glock DEFERRED from before its writeback to its end, and the fault of a store needs it SHARED or EXCLUSIVE, so that the page cannot be dirtied meanwhile; afterwards the store comes last",
				Kernel:    "gfs2_file_direct_write, gfs2_fault, gfs2_page_mkwrite",
			},
		},
	}
}

// storeIsOvertaken is what the final read may see where the second store had to wait: it comes before or after the write.
func storeIsOvertaken() map[string]prog.Expect {
	return map[string]prog.Expect{"after": {OneOf: "ne"}}
}
