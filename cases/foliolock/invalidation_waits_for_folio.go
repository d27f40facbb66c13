package foliolock

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A folio that is being read is locked. The invalidation before a direct write must wait for the lock: a folio passed over
// would fill with old data after the write, and stay.
//
//	reader   read: folios locked, read ─── held on the disk ────┐
//	writer   ………………… direct write: invalidation asleep at the first folio ……… done
func invalidationWaitsForFolio() prog.Case {
	return prog.Case{
		ID:     "foliolock/invalidation-waits-for-folio",
		Rule:   "a direct write over folios that are being read waits for their locks before it writes; nothing old stays cached",
		Kernel: "invalidate_inode_pages2_range → folio_lock",
		Source: "mm/truncate.c: invalidate_inode_pages2_range locks, where invalidate_mapping_pages only tries to",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "read", Program: lockedByRead(prog.Read("f", 0, whole))},
			{Name: "fault", Program: lockedByRead(prog.Load("f", 0, whole))},
		},
		Rows: []prog.Row{
			rows.Journalled("nothing is invalidated before a write"),
			{
				FS: []string{"btrfs/"}, Since: "6.15", Backports: []string{"6.12.77"}, Before: "7.3",
				Witnesses: []prog.Witness{prog.SeenBlocked("write", "folio_wait_bit_common", "__filemap_get_folio")},
				Why:       "a direct write to a file with checksums is carried out through the page cache, and locks the same folios to fill them",
				Kernel:    "btrfs_direct_write, check_direct_IO; prepare_pages → __filemap_get_folio",
				Commit:    "btrfs: always fallback to buffered write if the inode requires checksum",
			},
			{
				FS:        []string{"bcachefs"},
				Witnesses: []prog.Witness{prog.SeenBlocked("write", "__bch2_two_state_lock", "two_state_lock")},
				Why:       "the reader holds the page cache lock while it waits for the read, and a direct write needs it in the other state",
				Kernel:    "bch2_direct_write → bch2_pagecache_block_get",
			},
			{
				FS:        []string{"gfs2"},
				Witnesses: []prog.Witness{prog.SeenBlocked("write", "gfs2_glock_wait")},
				Why:       "the reader holds the inode's glock SHARED while it waits for the read, and a direct write needs it DEFERRED",
				Kernel:    "gfs2_file_read_iter, gfs2_file_direct_write → gfs2_glock_wait",
			},
		},
	}
}

// lockedByRead writes directly over folios that a held read has locked.
func lockedByRead(read prog.Op) prog.Program {
	return prog.New(
		prog.Write("f", 0, whole, 'o'), prog.Fsync("f"), prog.DropCaches(),
		prog.Hold(prog.Reads).Of("f", 0, whole),
		prog.Go("reader", read.OneOf("on")),
		prog.AwaitHeld(1),
		prog.Go("writer", prog.DirectWrite("f", 0, whole, 'n').NotBefore("let-go").As("write")),
		prog.AwaitBlocked("writer"),
		prog.Release().As("let-go"),
		prog.Join("reader"), prog.Join("writer"),
		prog.Read("f", 0, whole).Returns('n'),
	).Witness(prog.SeenBlocked("write", "invalidate_inode_pages2_range", "folio_wait_bit_common"))
}
