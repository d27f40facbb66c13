package foliolock

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Writeback write-protects a folio under its lock, so that a later store faults and makes it dirty again. A store that went
// unnoticed would never reach the disk.
//
//	syncer   fsync of o: writeback ─── held on the disk ────┐
//	main     ……………………………………… store s (dirty again)  release …… fsync, drop the cache: s
func storeDuringWriteback() prog.Case {
	program := func(before ...prog.Op) prog.Program {
		return prog.New(append(before,
			prog.Hold(prog.Writes).Of("f", 0, whole),
			prog.Go("syncer", prog.Fsync("f")),
			prog.AwaitHeld(1),
			prog.Store("f", 0, whole, 's').MayBlock().As("store"),
			prog.Release(), prog.Join("syncer"),
			prog.Load("f", 0, whole).OneOf("os").As("after"),
			prog.Fsync("f"), prog.DropCaches(),
			prog.Read("f", 0, whole).OneOf("os").As("durable"),
		)...).Witness(prog.WhileHeld("store"))
	}
	return prog.Case{
		ID:     "foliolock/store-during-writeback",
		Rule:   "a store to a folio whose writeback is in flight makes it dirty again: the next fsync writes it, and nothing is lost",
		Kernel: "folio_clear_dirty_for_io → folio_mkclean under the folio lock; do_page_mkwrite",
		Source: "Documentation/filesystems/locking.rst (->page_mkwrite); mm: tracking shared dirty pages (2.6.19)",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "stored", Program: program(prog.Write("f", 0, whole, 'o'), prog.Fsync("f"), prog.Store("f", 0, whole, 'o'))},
			{Name: "written", Program: program(prog.Write("f", 0, whole, 'o'))},
		},
		Rows: []prog.Row{
			{
				FS:          []string{"ext4/journal"},
				Unsupported: "with data=journal the data goes to the journal first, so that no writeback of its blocks is in flight",
				Why:         "fsync commits the journal",
				Kernel:      "ext4_sync_file → ext4_force_commit",
			},
			{
				FS:        []string{"btrfs"},
				Witnesses: []prog.Witness{prog.SeenBlocked("store", "btrfs_page_mkwrite", "folio_wait_writeback")},
				Why:       "pages do not change under writeback: the store waits for it",
				Kernel:    "btrfs_page_mkwrite",
			},
		},
	}
}
