package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A file system may have buffered writes wait for direct I/O in flight. Then what is cached is never dirty when a direct write
// completes, and invalidating it cannot fail, provided that who waits is woken after the invalidation and not before.
//
//	main     direct write n ─── held on the disk ───────┐ cached o dropped, then i_dio_count falls
//	writer   ………………… write b: asleep in inode_dio_wait ……………………… b over n
func dioBeforeBufferedWrite() prog.Case {
	const cut = 100
	other := func(fs, why, kernel string) prog.Row {
		return prog.Row{FS: []string{fs}, Unsupported: "a buffered write does not wait for direct I/O in flight: the two may collide, and fsync says so", Why: why, Kernel: kernel}
	}
	return prog.Case{
		ID:     "coherence/dio-before-buffered-write",
		Rule:   "where a buffered write waits for direct I/O in flight, the cache agrees with the disk when it goes on: the two do not collide, and no fsync fails",
		Kernel: "ext4_buffered_write_iter → inode_dio_wait; iomap_dio_complete: kiocb_invalidate_post_direct_write, then inode_dio_end",
		Source: "ext4: drain in-flight DIO before buffered write fallback (6.12.110, 6.1.188)",
		Needs:  []string{"disk", "aio", "trace"},
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, 4*prog.KiB, 'o'), prog.Fsync("f"), prog.DropCaches(),
			prog.Hold(prog.Writes).Of("f", 0, 4*prog.KiB),
			prog.AIOWrite("w", "f", 0, 4*prog.KiB, 'n'),
			prog.Read("f", 0, 4*prog.KiB).OneOf("on").MayBlock(),
			prog.Go("writer", prog.Write("f", 0, cut, 'b').As("write")),
			prog.AwaitBlocked("writer"),
			prog.Release(), prog.Reap("w"), prog.Join("writer"),
			prog.Fsync("f"),
			prog.Read("f", 0, 4*prog.KiB).ReturnsRuns(prog.Run{Len: cut, Fill: "b"}, prog.Run{Len: 4*prog.KiB - cut, Fill: "n"}),
		).Witness(prog.SeenBlocked("write", "inode_dio_wait", "__inode_dio_wait")).
			Require(prog.NeverFires("iomapcheck:dio_warn_stale_pagecache"))}},
		Rows: []prog.Row{
			rows.Journalled("no direct I/O is in flight"),
			other("xfs", "buffered writes take i_rwsem, which an asynchronous direct write has let go", "xfs_file_buffered_write"),
			collides("", "6.1"), collides("6.13", "6.18.45"),
			other("f2fs", "buffered writes do not wait for direct I/O in flight: the two collide, and fsync says so; seen on 6.12.117", "f2fs_buffered_write_iter"),
			other("btrfs", "buffered writes wait for ordered extents, and the cache is dropped after those", "lock_and_cleanup_extent_if_need"),
			other("bcachefs", "the page cache lock keeps buffered writes out", "bch2_direct_write"),
			{
				FS:        []string{"gfs2"},
				Witnesses: []prog.Witness{prog.SeenBlocked("write", "gfs2_glock_wait", "inode_dio_wait")},
				Why:       "direct I/O holds the inode's glock DEFERRED, and who is granted it in another state waits for direct I/O in flight",
				Kernel:    "inode_go_held → inode_dio_wait",
			},
		},
	}
}

// collides is the row of an ext4 whose buffered writes do not wait for direct I/O in flight.
func collides(since, before string) prog.Row {
	return prog.Row{
		FS: []string{"ext4"}, Since: since, Before: before,
		Unsupported: "a buffered write does not wait for direct I/O in flight: the two may collide, and fsync says so",
		Why:         "ext4 drains direct I/O since 6.1.188, 6.12.110 and 7.2.13; seen on 5.10.223, 6.17.13 and 6.18.44",
		Kernel:      "ext4_buffered_write_iter",
		Commit:      "ext4: drain in-flight DIO before buffered write fallback",
	}
}
