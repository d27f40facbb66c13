package foliolock

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Truncate must not free the blocks of a folio whose writeback is in flight: they could be another file's when it arrives.
//
//	syncer     fsync: writeback ─── held on the disk ────┐
//	truncater  ……………… truncate to 0: asleep in folio_wait_writeback ……… done
func truncateWaitsForWriteback() prog.Case {
	return prog.Case{
		ID:     "foliolock/truncate-waits-for-writeback",
		Rule:   "truncate does not return while a folio of the truncated range is being written, and returns soon after",
		Kernel: "truncate_inode_pages_range → truncate_inode_partial_folio → folio_wait_writeback",
		Source: "mm/truncate.c; the order of folio lock and writeback is documented at the top of mm/filemap.c",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "all", Program: truncated(0)},
			{Name: "inside", Program: truncated(6 * prog.KiB)},
		},
		Rows: []prog.Row{
			{
				FS:          []string{"ext4/journal", "gfs2/jdata"},
				Unsupported: "with data=journal the data goes to the journal first, so that no writeback of its blocks is in flight",
				Why:         "fsync commits the journal",
				Kernel:      "ext4_sync_file → ext4_force_commit; gfs2_fsync → gfs2_log_flush",
			},
			{
				FS:        []string{"btrfs"},
				Witnesses: []prog.Witness{prog.SeenBlocked("truncate", "do_truncate", "i_rwsem", "folio_wait_writeback")},
				Why:       "fsync holds i_rwsem while it waits for the writeback, and truncate wants it first",
				Kernel:    "btrfs_sync_file, do_truncate",
			},
		},
	}
}

func truncated(size int64) prog.Program {
	return prog.New(
		prog.Write("f", 0, whole, 'o'),
		prog.Hold(prog.Writes).Of("f", 0, whole),
		prog.Go("syncer", prog.Fsync("f")),
		prog.AwaitHeld(1),
		prog.Go("truncater", prog.Truncate("f", size).NotBefore("let-go").As("truncate")),
		prog.AwaitBlocked("truncater"),
		prog.Release().As("let-go"),
		prog.Join("syncer"), prog.Join("truncater"),
		prog.FileSize("f").Counts(size),
		prog.Truncate("f", whole),
		prog.Read("f", size, whole-size).Returns('.'),
	).Witness(prog.SeenBlocked("truncate", "folio_wait_writeback"))
}
