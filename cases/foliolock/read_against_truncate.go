package foliolock

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A read that waits for its folio, while a truncate moves the end of the file, must look at the size when it has the folio: otherwise
// it returns the zeros behind the new end as if they were the file's.
//
//	reader      read: folio locked, read ─── held on the disk ────┐ looks at the size: short
//	truncater   ……………… size 512; asleep at the folio …………………… done
//
// The size is looked at once for each batch of folios that are there (filemap_get_pages). Where a read keeps no lock of the inode it may so end
// between two batches: it has copied the first as the file was, and finds the end before the second. Under memory pressure that comes about by
// itself, where the first folio was cached and the second had been reclaimed; the variant part arranges it.
func readAgainstTruncate() prog.Case {
	const kib = prog.KiB
	program := func(cached []prog.Op, shrink []prog.Op, read prog.Op, after prog.Op) prog.Program {
		return prog.New(append(append([]prog.Op{prog.Write("f", 0, 8*kib, 'o'), prog.Fsync("f"), prog.DropCaches()}, cached...),
			prog.Hold(prog.Reads).Of("f", 0, 8*kib),
			prog.Go("reader", read),
			prog.AwaitHeld(1),
			prog.Go("truncater", shrink...),
			prog.AwaitBlocked("truncater"),
			prog.Release(), prog.Join("reader"), prog.Join("truncater"),
			after,
		)...).Witness(prog.SeenBlocked("truncate", "xfs_ilock", "do_truncate", "invalidate_lock", "i_rwsem", "folio_wait_bit_common", "ext4_setattr", "ext4_break_layouts", "truncate_inode_pages_range", "gfs2_glock_wait", "__bch2_two_state_lock"))
	}
	return prog.Case{
		ID:     "foliolock/read-against-truncate",
		Rule:   "a read that is overtaken by a truncate returns bytes of the file as it was, or ends at the new end; what was cut is gone when the file grows again",
		Kernel: "filemap_read: i_size_read after the folio is uptodate; truncate_inode_pages_range waits for locked folios",
		Source: "the comment in filemap_read on i_size and PG_uptodate; mm: Protect operations adding pages to page cache with invalidate_lock (5.15)",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "short", Program: program(nil,
				[]prog.Op{prog.Truncate("f", sector).As("truncate")},
				prog.Read("f", 0, 8*kib).Counts(0, sector, 8*kib).Returns('o').As("read"),
				prog.FileSize("f").Counts(sector),
			)},
			// The first folio is there and is copied before the truncate comes; for the second the reader waits.
			{Name: "part", Program: program(
				[]prog.Op{prog.Write("f", 0, 4*kib, 'o'), prog.Fsync("f")},
				[]prog.Op{prog.Truncate("f", sector).As("truncate")},
				prog.Read("f", 0, 8*kib).Counts(8*kib).Returns('o').As("read"),
				prog.FileSize("f").Counts(sector),
			)},
			{Name: "regrown", Program: program(nil,
				[]prog.Op{prog.Truncate("f", 4*kib).As("truncate"), prog.Truncate("f", 8*kib)},
				prog.Read("f", 0, 8*kib).Counts(4*kib, 8*kib).OneOf("o."),
				prog.Read("f", 4*kib, 4*kib).Returns('.'),
			)},
		},
		Rows: []prog.Row{
			overtakes(prog.Row{Variants: []string{"short"}}, "the first already, if it was not there", sector, 4*kib, 8*kib),
			overtakes(prog.Row{Variants: []string{"part"}, Pressure: true}, "the first already, if it has been reclaimed", sector, 4*kib, 8*kib),
			overtakes(prog.Row{Variants: []string{"part"}}, "of which the variant part has the first whole: it returns 4k on 6.12.117", 4*kib, 8*kib),
			{
				FS: []string{"xfs/16k"}, Variants: []string{"part"},
				Unsupported: "all of the file is one folio",
				Why:         "a folio has at least a block's pages",
				Kernel:      "mapping_set_folio_min_order",
			},
		},
	}
}

// overtakes completes a row of file systems whose reads keep no lock of the inode, with how much a read may return there and why.
func overtakes(r prog.Row, why string, counts ...int64) prog.Row {
	r.FS = []string{"ext4", "btrfs", "f2fs"}
	r.Expect = map[string]prog.Expect{"read": {Counts: counts, Exact: prog.Content{{Len: prog.WholeLen, Fill: "o"}}}}
	r.Why = "a buffered read keeps no lock of the inode: it copies the folios that are there, waits for the next, and finds the file ended before it; " + why
	r.Kernel = "filemap_read: i_size_read after every filemap_get_pages; xfs_file_buffered_read holds XFS_IOLOCK_SHARED, gfs2_file_read_iter the glock"
	return r
}
