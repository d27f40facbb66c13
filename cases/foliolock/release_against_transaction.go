package foliolock

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Reclaim asks the file system to release what it keeps of a folio. What a transaction that is being committed still needs must stay:
//
//	syncer   fsync: data, then the log ─── held on the disk ────┐
//	main     ………………… evict, drop, reclaim …………………… release ……… read: n
func releaseAgainstTransaction() prog.Case {
	program := func(take prog.Op, before ...prog.Op) prog.Program {
		return prog.New(append(append([]prog.Op{}, before...),
			prog.Write("f", 0, whole, 'o'), prog.Fsync("f"),
			prog.Write("f", 0, whole, 'n'),
			prog.Hold(prog.Writes),
			prog.Go("syncer", prog.Fsync("f")),
			prog.AwaitHeld(1),
			take.As("take"),
			prog.Release(), prog.Join("syncer"),
			prog.Read("f", 0, whole).Returns('n'),
			prog.DropCaches(), prog.Read("f", 0, whole).Returns('n'),
			prog.Remount(), prog.Read("f", 0, whole).Returns('n'),
		)...).Witness(prog.WhileHeld("take"))
	}
	return prog.Case{
		ID:     "foliolock/release-against-transaction",
		Rule:   "folios that are evicted, dropped or reclaimed while the fsync of their file is held at the disk lose nothing: not the data under writeback, and not what the commit still needs",
		Kernel: "filemap_release_folio: ext4_release_folio → jbd2_journal_try_to_free_buffers, gfs2_release_folio (gfs2_bufdata), iomap_release_folio, btrfs_release_folio",
		Source: "seed threads 1 and 2: what may ->release_folio let go; iomap/gfs2: Unlock and put folio in page_done handler (6.3)",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "evict", Program: program(prog.Evict("f", 0, whole))},
			{Name: "drop", Program: program(prog.DropCaches())},
			{Name: "reclaim", Program: program(prog.Reclaim(whole))},
			{Name: "journalled", Program: program(prog.Reclaim(whole), prog.SetAttr("f", prog.AttrJournal))},
		},
		Rows: []prog.Row{{
			FS: []string{"gfs2/jdata"}, Variants: []string{"evict"},
			Unsupported: "who evicts starts the writeback of journalled data first, and waits for the log, which the fsync has locked",
			Why:         "the log is flushed under a lock for itself",
			Kernel:      "gfs2_jdata_writepages, gfs2_log_flush",
		}, {
			FS:          []string{"xfs/dax", "ext4/dax"},
			Unsupported: "there is no page cache to take folios from",
			Why:         "a write goes to the storage",
			Kernel:      "dax_iomap_rw",
		}},
	}
}
