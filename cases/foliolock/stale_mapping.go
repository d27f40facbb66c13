package foliolock

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A buffered write looks up the mapping of its range before it locks a folio. In between, writeback may have made written blocks of
// unwritten ones, and reclaim may have taken their folio: a write that trusts what it looked up takes the block for zeros.
//
//	writer   maps [0, 12k): unwritten …… faults its memory in ─ held ─┐ locks the folio of [4k, 8k): asks again, reads o
//	main     o is dirty over [4k, 12k) …… fsync: converted, evicted … release
func staleMapping() prog.Case {
	const kib = prog.KiB
	return prog.Case{
		ID:     "foliolock/stale-mapping",
		Rule:   "a buffered write that covers a part of a block keeps the rest of it, also if the block was written back and evicted after the write had looked it up",
		Kernel: "iomap_write_begin → ->iomap_valid under the folio lock (IOMAP_F_STALE); ext4_block_write_begin maps under the lock",
		Source: "iomap: write iomap validity checks, xfs: use iomap_valid method to detect stale cached iomaps (6.2, 6.1.y); seed thread 2; xfstests xfs/559 needs a debug kernel",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{{Program: prog.New(
			prog.Fallocate("f", 0, 12*kib, prog.FallocAlloc),
			prog.Write("g", 0, 8*kib, 'n'), prog.Fsync("g"), prog.DropCaches(),
			prog.Write("f", 4*kib, 8*kib, 'o'),
			prog.Hold(prog.Reads).Of("g", 0, 8*kib),
			prog.Go("writer", prog.Write("f", 2*kib, 4*kib, 'n').Via("g", 2*kib).As("write")),
			prog.AwaitHeld(1),
			prog.Fsync("f").MayBlock().As("sync"), prog.Evict("f", 0, 12*kib),
			prog.Release(), prog.Join("writer"),
			prog.Read("f", 0, 12*kib).ReturnsRuns(prog.Run{Len: 2 * kib, Fill: "."}, prog.Run{Len: 4 * kib, Fill: "n"}, prog.Run{Len: 6 * kib, Fill: "o"}),
		).Witness(prog.WhileHeld("sync"))}},
		Rows: []prog.Row{rows.GlockOverFault(), {
			FS: []string{"xfs/", "xfs/16k", "xfs/reflink", "xfs/4kn", "xfs/logdev", "xfs/quota", "xfs/rt"}, Before: "6.1", Known: true,
			Why:    "the write goes on with the mapping that it had before the blocks behind it were converted",
			Kernel: "iomap_write_begin without iomap_valid",
			Commit: "xfs: use iomap_valid method to detect stale cached iomaps (6.2, 6.1.92)",
		}, {
			FS: []string{"btrfs"}, Target: "vm",
			Witnesses: []prog.Witness{prog.SeenBlocked("sync", "btrfs_sync_file", "btrfs_inode_lock")},
			Why:       "fsync takes i_rwsem, which the writer holds while it faults its memory in",
			Kernel:    "btrfs_sync_file → btrfs_inode_lock",
		}},
	}
}
