package foliolock

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A fault that reads a folio from blocks which a hole punch is about to free must be excluded: the folio would fill with what
// the blocks hold once they are somebody else's.
//
//	loader    load: fault, read ─── held on the disk ────┐ maps the folio
//	puncher   ………………… punch: asleep at invalidate_lock ……… done: zeros
func punchAgainstFault() prog.Case {
	program := func(read prog.Op) prog.Program {
		return prog.New(
			prog.Write("f", 0, whole, 'o'), prog.Fsync("f"), prog.DropCaches(),
			prog.Hold(prog.Reads).Of("f", 0, whole),
			prog.Go("reader", read.OneOf("o.")),
			prog.AwaitHeld(1),
			prog.Go("puncher", prog.Fallocate("f", 0, whole, prog.FallocPunch).NotBefore("let-go").As("punch")),
			prog.AwaitBlocked("puncher"),
			prog.Release().As("let-go"), prog.Join("reader"), prog.Join("puncher"),
			prog.Read("f", 0, whole).Returns('.'),
			prog.Load("f", 0, whole).Returns('.'),
		).Witness(prog.SeenBlocked("punch", "xfs_ilock", "ext4_fallocate", "f2fs_fallocate", "invalidate_lock", "i_rwsem", "folio_wait_bit_common", "__filemap_get_folio"))
	}
	return prog.Case{
		ID:     "foliolock/punch-against-fault",
		Rule:   "a hole punch waits for the reads that fill the page cache from the blocks it frees; afterwards the hole reads as zeros on every path",
		Kernel: "filemap_fault, page_cache_ra_unbounded take invalidate_lock shared; xfs_file_fallocate, ext4_punch_hole exclusively",
		Source: "mm: Protect operations adding pages to page cache with invalidate_lock (5.15)",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "fault", Program: program(prog.Load("f", 0, 4*prog.KiB))},
			{Name: "read", Program: program(prog.Read("f", 0, whole))},
		},
		Rows: []prog.Row{{
			FS: []string{"ext4", "btrfs"}, Variants: []string{"read"}, Target: "refengine", Before: "5.15", Known: true,
			Why:    "only faults are kept out: a read that comes between the removal of the cache and that of the blocks fills it from them; on a kernel it takes the right moment",
			Kernel: "ext4_punch_hole: i_mmap_sem, which generic_file_buffered_read does not take",
			Commit: "mm: Protect operations adding pages to page cache with invalidate_lock",
		}, {
			FS:        []string{"bcachefs"},
			Witnesses: []prog.Witness{prog.SeenBlocked("punch", "__bch2_two_state_lock", "two_state_lock")},
			Why:       "who reads holds the page cache lock meanwhile, and punching needs it in the other state",
			Kernel:    "bch2_fallocate_dispatch → bch2_pagecache_block_get",
		}, {
			FS:        []string{"gfs2"},
			Witnesses: []prog.Witness{prog.SeenBlocked("punch", "gfs2_glock_wait")},
			Why:       "who reads holds the inode's glock SHARED meanwhile, and punching needs it EXCLUSIVE",
			Kernel:    "gfs2_fault, gfs2_fallocate → gfs2_glock_wait",
		}},
	}
}
