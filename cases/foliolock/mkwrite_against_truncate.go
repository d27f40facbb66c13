package foliolock

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A store's fault has found its folio and waits: for the disk, which is to fill it, or for the folio's lock. Meanwhile a truncate takes the
// page away, and the file grows again. The fault must see that its folio is the file's no more; what was there must not come back.
//
//	storer      store: fault, read ─── held on the disk ────┐ the folio is gone: SIGBUS, or fault again
//	truncater   ………………… size 0: asleep ……………………… done, size as before: zeros
func mkwriteAgainstTruncate() prog.Case {
	const page = 4 * prog.KiB
	again := []prog.Op{prog.Truncate("f", 0).As("truncate"), prog.Truncate("f", 4*page)}
	end := []prog.Op{
		prog.Read("f", 0, page).OneOf("s."), prog.Read("f", page, 3*page).Returns('.'),
		prog.Fsync("f"), prog.Remount(),
		prog.Read("f", 0, page).OneOf("s."), prog.Read("f", page, 3*page).Returns('.'),
	}
	begin := []prog.Op{prog.Write("f", 0, 4*page, 'o'), prog.Fsync("f"), prog.DropCaches()}
	program := func(ops ...prog.Op) prog.Program {
		return prog.New(append(append(append([]prog.Op{}, begin...), ops...), end...)...)
	}
	return prog.Case{
		ID:     "foliolock/mkwrite-against-truncate",
		Rule:   "a store that a truncate overtakes, after which the file grows again, is in the file or ends in SIGBUS; what the truncate took does not come back",
		Kernel: "iomap_page_mkwrite → folio_mkwrite_check_truncate, filemap_fault: mapping and i_size under the folio lock; invalidate_lock",
		Source: "mm: Protect operations adding pages to page cache with invalidate_lock (5.15); the truncate check of iomap_page_mkwrite",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "held", Program: program(
				prog.Hold(prog.Reads).Of("f", 0, 4*page),
				prog.Go("storer", prog.Store("f", 0, page, 's').MayFail("SIGBUS")),
				prog.AwaitHeld(1),
				prog.Go("truncater", again...),
				prog.AwaitBlocked("truncater"),
				prog.Release(), prog.Join("storer"), prog.Join("truncater"),
			).Witness(prog.SeenBlocked("truncate", "xfs_ilock", "do_truncate", "invalidate_lock", "i_rwsem", "folio_wait_bit_common", "ext4_setattr",
				"ext4_break_layouts", "truncate_inode_pages_range", "gfs2_glock_wait", "__bch2_two_state_lock"))},
			{Name: "stream", Program: program(
				prog.Go("storer", prog.Repeat(8, prog.Store("f", 0, page, 's').MayFail("SIGBUS"))),
				prog.Go("truncater", prog.Until("storer", again[0].As(""), again[1])),
				prog.Join("storer"), prog.Join("truncater"),
			).Witness(stored())},
		},
		Rows: []prog.Row{{
			FS:          []string{"xfs/dax", "ext4/dax"},
			Unsupported: "a fault reads nothing from the disk, and there is no folio lock to wait for",
			Why:         "a mapping shows the storage itself",
			Kernel:      "dax_iomap_fault",
		}},
	}
}
