package foliolock

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A read that waits for its folio, while a truncate moves the end of the file, must look at the size when it has the folio: otherwise
// it returns the zeros behind the new end as if they were the file's.
//
//	reader      read: folio locked, read ─── held on the disk ────┐ looks at the size: short
//	truncater   ……………… size 512; asleep at the folio …………………… done
func readAgainstTruncate() prog.Case {
	const kib = prog.KiB
	program := func(shrink []prog.Op, read prog.Op, after prog.Op) prog.Program {
		return prog.New(
			prog.Write("f", 0, 8*kib, 'o'), prog.Fsync("f"), prog.DropCaches(),
			prog.Hold(prog.Reads).Of("f", 0, 8*kib),
			prog.Go("reader", read),
			prog.AwaitHeld(1),
			prog.Go("truncater", shrink...),
			prog.AwaitBlocked("truncater"),
			prog.Release(), prog.Join("reader"), prog.Join("truncater"),
			after,
		).Witness(prog.SeenBlocked("truncate", "xfs_ilock", "do_truncate", "invalidate_lock", "i_rwsem", "folio_wait_bit_common", "ext4_setattr", "ext4_break_layouts", "truncate_inode_pages_range", "gfs2_glock_wait", "__bch2_two_state_lock"))
	}
	return prog.Case{
		ID:     "foliolock/read-against-truncate",
		Rule:   "a read that is overtaken by a truncate returns bytes of the file as it was, or ends at the new end; what was cut is gone when the file grows again",
		Kernel: "filemap_read: i_size_read after the folio is uptodate; truncate_inode_pages_range waits for locked folios",
		Source: "the comment in filemap_read on i_size and PG_uptodate; mm: Protect operations adding pages to page cache with invalidate_lock (5.15)",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "short", Program: program(
				[]prog.Op{prog.Truncate("f", sector).As("truncate")},
				prog.Read("f", 0, 8*kib).Counts(0, sector, 8*kib).Returns('o'),
				prog.FileSize("f").Counts(sector),
			)},
			{Name: "regrown", Program: program(
				[]prog.Op{prog.Truncate("f", 4*kib).As("truncate"), prog.Truncate("f", 8*kib)},
				prog.Read("f", 0, 8*kib).Counts(4*kib, 8*kib).OneOf("o."),
				prog.Read("f", 4*kib, 4*kib).Returns('.'),
			)},
		},
	}
}
