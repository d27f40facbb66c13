package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A store through a mapping while a direct write is in flight makes a page that cannot be invalidated afterwards. The kernel
// may keep it, but must then say so: a warning in its log, and EIO from the next fsync. The judge demands both of every program; this
// one makes the situation.
//
//	writer   direct write n ─── held on the disk ─────────┐ done; the page is dirty: stays
//	main     ………………………… store s (the page is read: o) ……… release
func storeDuringDirectWrite() prog.Case {
	return prog.Case{
		ID:     "coherence/store-during-direct-write",
		Rule:   "bytes that a store made dirty while a direct write was in flight may stay in the cache over what was written only if the kernel says so, by its warning and by EIO from fsync",
		Kernel: "kiocb_invalidate_post_direct_write → dio_warn_stale_pagecache, errseq_set",
		Source: "iomap: report collisions between directio and buffered writes to userspace (5a9d929d6e13); seed thread 3",
		Needs:  []string{"disk", "trace"},
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, whole, 'o'), prog.Fsync("f"), prog.DropCaches(),
			prog.Hold(prog.Writes).Of("f", 0, whole),
			prog.Go("writer", prog.DirectWrite("f", 0, whole, 'n')),
			prog.AwaitHeld(1),
			prog.Store("f", 0, 4*prog.KiB, 's').MayBlock().As("store"),
			prog.Release(), prog.Join("writer"),
			prog.Read("f", 4*prog.KiB, whole-4*prog.KiB).OneOf("no").As("rest"),
		).Witness(prog.WhileHeld("store"))}},
		Rows: []prog.Row{
			rows.Journalled("there is no direct write in flight"),
			{
				FS: []string{"btrfs/"}, Since: "6.15", Backports: []string{"6.12.77"}, Before: "7.3",
				Witnesses: []prog.Witness{prog.SeenBlocked("store", "folio_wait_writeback")},
				Why:       "a direct write to a file with checksums is carried out through the page cache: what is held is its writeback, and a store waits for that",
				Kernel:    "btrfs_direct_write, check_direct_IO; btrfs_page_mkwrite → folio_wait_writeback",
				Commit:    "btrfs: always fallback to buffered write if the inode requires checksum",
			},
			{
				FS:        []string{"btrfs"},
				Witnesses: []prog.Witness{prog.SeenBlocked("store", "btrfs_start_ordered_extent", "btrfs_lock_and_flush_ordered_range")},
				Why:       "the fault of a store reads the page, and that waits for the ordered extent of the direct write",
				Kernel:    "btrfs_lock_and_flush_ordered_range → btrfs_start_ordered_extent",
			},
			keptOut("store"),
			{
				FS:        []string{"gfs2"},
				Witnesses: []prog.Witness{prog.SeenBlocked("store", "gfs2_glock_wait")},
				Why:       "a direct write holds the inode's glock DEFERRED, and the fault of a store needs it SHARED",
				Kernel:    "gfs2_file_direct_write, gfs2_fault → gfs2_glock_wait",
			},
		},
	}
}
