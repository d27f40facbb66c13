package foliolock

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Unwritten blocks read as zeros, so that zeroing passes them over; but the page cache may hold data for them that are dirty, or on their
// way to the disk, and these have to be zeroed.
//
//	blocks   | unwritten … |
//	folios   | d dirty …   |        zero a part of it: d must go there, and stay elsewhere
func zeroOverUnwritten() prog.Case {
	const kib = prog.KiB
	const cut, size = 6*kib + sector, 16 * kib
	begin := []prog.Op{prog.Fallocate("f", 0, size, prog.FallocAlloc), prog.Fsync("f"), prog.Write("f", 0, size, 'd')}
	program := func(zero []prog.Op, want ...prog.Run) prog.Program {
		ops := append(append([]prog.Op{}, begin...), zero...)
		return prog.New(append(ops,
			prog.Read("f", 0, size).ReturnsRuns(want...), prog.Load("f", 0, size).ReturnsRuns(want...),
			prog.Remount(),
			prog.Read("f", 0, size).ReturnsRuns(want...),
		)...).Witness(cached())
	}
	data := func(n int64) prog.Run { return prog.Run{Len: n, Fill: "d"} }
	zeros := func(n int64) prog.Run { return prog.Run{Len: n, Fill: "."} }
	regrow := []prog.Op{prog.Truncate("f", cut), prog.Truncate("f", size)}
	return prog.Case{
		ID:     "foliolock/zero-over-unwritten",
		Rule:   "zeroing a part of unwritten blocks, by truncate, punch, zero-range or a write behind the end, also zeroes what the page cache holds for it, dirty or on its way to the disk, and nothing beside it",
		Kernel: "iomap_zero_range (range_dirty: filemap_write_and_wait_range, IOMAP_F_STALE), iomap_truncate_page; ext4_block_truncate_page",
		Source: "iomap: fix handling of dirty folios over unwritten extents (6.12); seed thread 2; xfstests generic/363",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "truncate", Program: program(regrow, data(cut), zeros(size-cut))},
			{Name: "punch", Program: program([]prog.Op{prog.Fallocate("f", 2*kib+sector, 8*kib, prog.FallocPunch)},
				data(2*kib+sector), zeros(8*kib), data(size-10*kib-sector))},
			{Name: "zero", Program: program([]prog.Op{prog.Fallocate("f", 2*kib+sector, 8*kib, prog.FallocZero)},
				data(2*kib+sector), zeros(8*kib), data(size-10*kib-sector))},
			{Name: "write", Program: program([]prog.Op{prog.Truncate("f", cut), prog.Write("f", 12*kib, 4*kib, 'n')},
				data(cut), zeros(12*kib-cut), prog.Run{Len: 4 * kib, Fill: "n"})},
			// The folio is clean already and its data not yet on the disk.
			{Name: "writeback", Program: prog.New(append(append([]prog.Op{}, begin...),
				prog.Hold(prog.Writes).Of("f", 0, size),
				prog.Go("syncer", prog.Fsync("f")),
				prog.AwaitHeld(1),
				prog.Go("truncater", prog.Truncate("f", cut).NotBefore("let-go").As("cut")),
				prog.AwaitBlocked("truncater"),
				prog.Release().As("let-go"), prog.Join("syncer"), prog.Join("truncater"),
				prog.Truncate("f", size),
				prog.Read("f", 0, size).ReturnsRuns(data(cut), zeros(size-cut)),
				prog.Remount(),
				prog.Read("f", 0, size).ReturnsRuns(data(cut), zeros(size-cut)),
			)...).Witness(prog.SeenBlocked("cut", "folio_wait_writeback", "do_truncate", "i_rwsem", "btrfs_start_ordered_extent", "btrfs_setattr"))},
		},
		Rows: []prog.Row{
			{
				FS: []string{"ext4/journal", "gfs2/jdata"}, Variants: []string{"writeback"},
				Unsupported: "with data=journal the data goes to the journal first, so that no writeback of its blocks is in flight",
				Why:         "fsync commits the journal",
				Kernel:      "ext4_sync_file → ext4_force_commit; gfs2_fsync → gfs2_log_flush",
			},
			{
				FS: []string{"gfs2"}, Variants: []string{"zero"},
				Unsupported: "gfs2 has no FALLOC_FL_ZERO_RANGE",
				Why:         "fallocate knows only allocating and punching there",
				Kernel:      "gfs2_fallocate",
			},
			{
				FS:          []string{"xfs/dax", "ext4/dax"},
				Unsupported: "there is no page cache over the blocks",
				Why:         "a write goes to the storage, and makes the blocks written at once",
				Kernel:      "dax_iomap_rw",
			},
		},
	}
}
