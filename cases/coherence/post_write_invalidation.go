package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A buffered read that refills the page cache while a direct write is in flight must not leave stale data behind.
//
//	writer   direct write n ──────── held on the disk ─────────┐ done, invalidates again
//	main     ……………………………  read: o, now in the page cache      release ……… read: must be n
func postWriteInvalidation() prog.Case {
	return prog.Case{
		ID:     "coherence/post-write-invalidation",
		Rule:   "after a direct write has returned, a buffered read sees what it wrote, even if the page cache was refilled with the old data while the write was in flight",
		Kernel: "iomap_dio_complete → kiocb_invalidate_post_direct_write",
		Source: "seed thread 3 (RFC: iomap write invalidation, 2020); xfstests generic/418 provokes it by chance",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Program: refill(written(), prog.Read("f", 0, whole), prog.DirectWrite("f", 0, whole, 'n'))},
			{Name: "dsync", Program: refill(written(), prog.Read("f", 0, whole), prog.DirectWrite("f", 0, whole, 'n').With(prog.DSync))},
			// An asynchronous write is completed by a work queue: what the application reaps must be visible.
			{Name: "aio", Program: refill(written(), prog.Read("f", 0, whole), prog.AIOWrite("w", "f", 0, whole, 'n'), prog.Reap("w"))},
			// An io_uring tries without waiting first, and leaves to a worker what does not do.
			{Name: "uring", Program: refill(written(), prog.Read("f", 0, whole),
				prog.UringWrite("w", "f", 0, whole, 'n').With(prog.Direct), prog.Reap("w"))},
			{Name: "vectored", Program: refill(written(), prog.Read("f", 0, whole), prog.DirectWrite("f", 0, whole, 'n').With(prog.Vectored))},
			{Name: "aio-vectored", Program: refill(written(), prog.Read("f", 0, whole),
				prog.AIOWrite("w", "f", 0, whole, 'n').With(prog.Vectored), prog.Reap("w"))},
			// What a splice finds in the cache is the pipe's as well, and stays there when it leaves the cache.
			{Name: "spliced", Program: refill(written(), prog.SpliceRead("f", 0, whole), prog.DirectWrite("f", 0, whole, 'n'))},
			{Name: "readahead", Program: refill(written(), prog.Readahead("f", 0, whole), prog.DirectWrite("f", 0, whole, 'n'))},
			{Name: "mapped", Program: refill(written(), prog.Load("f", 0, whole), prog.DirectWrite("f", 0, whole, 'n'))},
			// The reader finds the blocks unwritten, and caches zeros.
			{Name: "unwritten", Program: refill(
				[]prog.Op{prog.Fallocate("f", 0, whole, prog.FallocAlloc), prog.Fsync("f")},
				prog.Read("f", 0, whole), prog.DirectWrite("f", 0, whole, 'n'),
			)},
		},
		Rows: []prog.Row{
			rows.Journalled("there is no direct write in flight during which to refill the cache"),
			afterReadahead(buffered(prog.Row{Since: "6.15", Backports: []string{"6.12.77"}, Before: "7.3"})),
			buffered(prog.Row{
				Since: "6.15", Backports: []string{"6.12.77"}, Before: "7.3",
				Variants: []string{"", "dsync", "aio", "uring", "vectored", "aio-vectored", "spliced", "mapped", "unwritten"},
			}),
			ordered(prog.Row{}, "btrfs_start_ordered_extent", "btrfs_lock_and_flush_ordered_range"),
			keptOut("refill"),
			{
				FS: []string{"f2fs"}, Variants: []string{"unwritten"}, Known: true,
				Why:    "there are no unwritten extents: a direct write's blocks are the file's from its start, and who reads meanwhile finds what they held before; seen on 7.2.13",
				Kernel: "f2fs_preallocate_blocks, f2fs_map_blocks (F2FS_GET_BLOCK_PRE_DIO)",
			},
			{
				FS: []string{"gfs2"}, Variants: []string{"readahead"},
				Witnesses: []prog.Witness{prog.WhileHeld("refill")},
				Why:       "readahead asks for no glock, so that the cache is refilled here as well",
				Kernel:    "gfs2_readahead → iomap_readahead",
			},
			{
				FS: []string{"f2fs"}, Variants: []string{"readahead"}, Since: "6.12",
				Witnesses: []prog.Witness{prog.SeenBlocked("refill", "f2fs_precache_extents")},
				Why:       "before it reads ahead for fadvise, f2fs caches the file's extents, for which it waits for the direct write; shown by the reader asleep. Seen on 6.12.117, 6.17.13 and 7.2.13, not on 6.1.192",
				Kernel:    "f2fs_file_fadvise → f2fs_precache_extents: i_gc_rwsem[WRITE]",
			},
			{
				FS:        []string{"gfs2"},
				Witnesses: []prog.Witness{prog.SeenBlocked("refill", "gfs2_glock_wait", "inode_dio_wait")},
				Why:       "a direct write holds the inode's glock DEFERRED, and a buffered read needs it SHARED, so that the cache cannot be refilled meanwhile; shown by the reader asleep",
				Kernel:    "gfs2_file_direct_write, gfs2_file_read_iter → gfs2_glock_wait",
			},
		},
	}
}

// written is a file of old data that is not cached.
func written() []prog.Op {
	return []prog.Op{prog.Write("f", 0, whole, 'o'), prog.Fsync("f"), prog.DropCaches()}
}

// refill holds a direct write while a read fills the cache.
func refill(before []prog.Op, read prog.Op, write ...prog.Op) prog.Program {
	if read.Verb.Reads() {
		read = read.OneOf("on.")
	}
	return prog.New(append(before,
		prog.Hold(prog.Writes).Of("f", 0, whole),
		prog.Go("writer", write...),
		prog.AwaitHeld(1),
		read.MayBlock().As("refill"),
		prog.Release(), prog.Join("writer"),
		prog.Read("f", 0, whole).Returns('n').As("after"),
	)...).Witness(prog.WhileHeld("refill"))
}

// buffered is the row of btrfs with checksums where and when a direct write goes through the cache.
func buffered(r prog.Row) prog.Row {
	r.FS = []string{"btrfs/"}
	r.Expect = map[string]prog.Expect{"refill": {Exact: prog.Content{{Len: prog.WholeLen, Fill: "n"}}, MayBlock: true}}
	r.Why = "a direct write to a file with checksums is carried out through the page cache and then flushed: what is held is its writeback, and the reader finds the new data in the cache"
	r.Kernel = "btrfs_direct_write, check_direct_IO"
	r.Commit = "btrfs: always fallback to buffered write if the inode requires checksum"
	return r
}

// afterReadahead is a row for readahead, which returns no content.
func afterReadahead(r prog.Row) prog.Row {
	r.Variants = []string{"readahead"}
	r.Expect = map[string]prog.Expect{"refill": {MayBlock: true}}
	return r
}

// ordered is the row of btrfs where a direct write is direct; the reader sleeps in one of the functions.
func ordered(r prog.Row, in ...string) prog.Row {
	r.FS = []string{"btrfs"}
	r.Witnesses = []prog.Witness{prog.SeenBlocked("refill", in...)}
	r.Why = "a buffered read of a range with an ordered extent waits for it, so that the cache cannot be refilled meanwhile; shown by the reader asleep"
	r.Kernel = "btrfs_lock_and_flush_ordered_range → btrfs_start_ordered_extent"
	return r
}
