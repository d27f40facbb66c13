package regress

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// On btrfs writeback ends before the ordered extent is finished, with the range locked. May the page cache let go of a folio then? A
// direct write that follows a buffered one asks at just that moment: refused, it goes through the cache; allowed, it goes on; and
// what if ->releasepage slept until the range is unlocked? Reclaim calls it too, from whoever allocates memory with the range
// locked, as a direct read did up to 5.15 whose buffer had to be faulted in:
//
//	direct read of f: range locked → fault in the buffer → reclaim → release a folio of f → wait for the range …
func releaseFolio() prog.Case {
	return prog.Case{
		ID:     "regress/release-folio",
		Rule:   "a direct write over what was just written back, and a direct read whose buffer has to be reclaimed for, come to an end, whatever the page cache lets go",
		Kernel: "btrfs_release_folio → try_release_extent_state",
		Source: "seed thread 1: iomap: Return zero in case of unsuccessful pagecache invalidation before DIO (May 2020)",
		Variants: []prog.Variant{
			{Name: "overwritten", Program: prog.New(
				prog.Write("f", 0, page, 'o'), prog.Fsync("f"),
				prog.Write("f", 0, page, 'b'),
				prog.DirectWrite("f", 0, page, 'n'),
				prog.Read("f", 0, page).Returns('n'),
			).Witness(direct())},
			// Memory for four pages: two of the file that is read and two of another, so that the buffer's two take their place.
			{Name: "pressure", Program: prog.New(
				prog.Write("g", 0, 2*page, 'n'), prog.Fsync("g"),
				prog.Write("h", 0, 2*page, 'o'), prog.Fsync("h"),
				prog.Write("f", 0, 2*page, 'o'), prog.Fsync("f"),
				prog.DropCaches(),
				prog.Read("f", 0, 2*page).Returns('o'), prog.Read("h", 0, 2*page).Returns('o'),
				prog.MemoryMax(4*page),
				prog.DirectRead("f", 0, 2*page).Via("g", 0).Returns('o'),
				prog.MemoryMax(prog.NoLimit),
				prog.Load("g", 0, 2*page).Returns('o'),
			).Witness(direct())},
		},
		Rows: []prog.Row{
			rows.GlockOverFault("pressure"),
			rows.Journalled("nothing is invalidated"),
			rows.Checksummed("nothing is invalidated before it", "overwritten"),
			{
				Target: "vm", Variants: []string{"pressure"},
				Unsupported: "a limit of four pages is less than a task needs on a kernel: readahead and the page tables of a mapping alone go over it",
				Why:         "the engine charges the folios of files and nothing else",
				Kernel:      "try_charge_memcg",
			},
		},
	}
}
