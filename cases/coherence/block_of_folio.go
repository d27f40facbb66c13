package coherence

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A write to one block of a folio that is not cached leaves the other blocks unread. Writeback must leave them out: what the folio
// holds there is not the file's.
func blockOfFolio() prog.Case {
	const kib = prog.KiB
	return prog.Case{
		ID:     "coherence/block-of-folio",
		Rule:   "a buffered write to a part of a folio changes that part, in the cache and on the disk, and nothing beside it",
		Kernel: "iomap_find_dirty_range, __iomap_write_begin",
		Source: "iomap: Add per-block dirty state tracking to improve performance (6.6)",
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, 4*kib, 'o'), prog.Fsync("f"), prog.DropCaches(),
			prog.Write("f", kib, kib, 'n'), prog.Fsync("f"), prog.DropCaches(),
			prog.Read("f", 0, 4*kib).ReturnsRuns(prog.Run{Len: kib, Fill: "o"}, prog.Run{Len: kib, Fill: "n"}, prog.Run{Len: 2 * kib, Fill: "o"}),
		).Witness(cached())}},
	}
}
