package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// What a direct write is going to overwrite leaves the cache before the disk is asked, not only afterwards: who reads while the write
// is in flight must ask the disk, and a store must fault.
//
//	writer   direct write n: the cache is dropped ─── held on the disk ───┐ done
//	main     …………………………………………………………………… nothing is cached          release
func dioDropsCache() prog.Case {
	return prog.Case{
		ID:     "coherence/dio-drops-cache",
		Rule:   "while a direct write is in flight nothing of its range is cached that was cached before it began",
		Kernel: "kiocb_invalidate_pages → invalidate_inode_pages2_range",
		Source: "iomap: fall back to buffered writes for invalidation failures (5.9), which made this call count",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, 16*prog.KiB, 'o'), prog.Fsync("f"),
			prog.Hold(prog.Writes).Of("f", 0, 16*prog.KiB),
			prog.Go("writer", prog.DirectWrite("f", 0, 16*prog.KiB, 'n')),
			prog.AwaitHeld(1),
			prog.Resident("f", 0, 16*prog.KiB).Counts(0).MayBlock().As("gone"),
			prog.Release(), prog.Join("writer"),
			prog.Read("f", 0, 16*prog.KiB).Returns('n'),
		).Witness(prog.WhileHeld("gone"))}},
		Rows: []prog.Row{
			rows.Journalled("the write is in the cache"),
			rows.Checksummed("the write is in the cache"),
			{
				FS: []string{"gfs2"}, Target: "vm", Since: "6.1",
				Witnesses: []prog.Witness{prog.SeenBlocked("gone", "gfs2_glock_wait")},
				Why:       "mapping the file to look at it needs the inode's glock, which the direct write holds in another state",
				Kernel:    "gfs2_mmap → gfs2_glock_wait",
			},
		},
	}
}

// blocksOnly is the row of btrfs, which writes parts of blocks through the page cache.
func blocksOnly() prog.Row {
	return prog.Row{
		FS:          []string{"btrfs"},
		Unsupported: "a direct write of less than a block is a buffered one",
		Why:         "direct I/O is of whole blocks",
		Kernel:      "check_direct_IO",
	}
}

// keptOut is the row of bcachefs, where a direct write keeps who would fill or dirty the cache asleep.
func keptOut(label string, variants ...string) prog.Row {
	return prog.Row{
		FS: []string{"bcachefs"}, Variants: variants,
		Witnesses: []prog.Witness{prog.SeenBlocked(label, "__bch2_two_state_lock", "two_state_lock")},
		Why:       "a direct write keeps page faults and buffered I/O out until it is done, so that nothing has to be invalidated again",
		Kernel:    "bch2_direct_write → bch2_pagecache_block_get",
	}
}
