package coherence

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A buffered read that refills the page cache while a direct write is in flight must not leave stale data behind.
//
//	writer   direct write n ──────── held on the disk ─────────┐ done, invalidates again
//	main     ……………………………  read: o, now in the page cache      release ……… read: must be n
func postWriteInvalidation() prog.Case {
	const size = 64 * prog.KiB
	return prog.Case{
		ID:     "coherence/post-write-invalidation",
		Rule:   "after a direct write has returned, a buffered read sees what it wrote, even if the page cache was refilled with the old data while the write was in flight",
		Kernel: "iomap_dio_complete → kiocb_invalidate_post_direct_write",
		Source: "seed thread 2 (RFC: iomap write invalidation, 2020); xfstests generic/418 provokes it by chance",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, size, 'o'), prog.Fsync("f"), prog.DropCaches(),
			prog.Hold(prog.Writes).Of("f", 0, size),
			prog.Go("writer", prog.DirectWrite("f", 0, size, 'n')),
			prog.AwaitHeld(1),
			prog.Read("f", 0, size).OneOf("on").MayBlock().As("refill"),
			prog.Release(), prog.Join("writer"),
			prog.Read("f", 0, size).Returns('n').As("after"),
		).Witness(prog.WhileHeld("refill"))}},
		Rows: []prog.Row{
			{
				FS: []string{"btrfs"}, Since: "6.12", Before: "7.3",
				Expect: map[string]prog.Expect{"refill": {Exact: prog.Content{{Len: prog.WholeLen, Fill: "n"}}, MayBlock: true}},
				Why:    "a direct write to a file with checksums is carried out through the page cache and then flushed: what is held is its writeback, and the reader finds the new data in the cache",
				Kernel: "btrfs_direct_write, check_direct_IO",
				Commit: "btrfs: always fallback to buffered write if the inode requires checksum",
			},
			{
				FS:        []string{"btrfs", "btrfs/nodatasum"},
				Witnesses: []prog.Witness{prog.SeenBlocked("refill")},
				Why:       "a buffered read of a range with an ordered extent waits for it, so that the cache cannot be refilled meanwhile; shown by the reader asleep",
				Kernel:    "btrfs_lock_and_flush_ordered_range",
			},
			{
				FS:        []string{"gfs2"},
				Witnesses: []prog.Witness{prog.SeenBlocked("refill")},
				Why:       "a direct write holds the inode's glock DEFERRED, and a buffered read needs it SHARED, so that the cache cannot be refilled meanwhile; shown by the reader asleep",
				Kernel:    "gfs2_file_direct_write, gfs2_file_read_iter",
			},
		},
	}
}
