package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Reclaim takes folios from everywhere, at any time. It must leave what is dirty, locked, mapped or pinned, or put it right first.
//
//	main   write n, dirty …… reclaim …… read: n
func underReclaim() prog.Case {
	const size = 4 * prog.KiB
	const far = 256 * prog.KiB // a period of the fills away: a request's data are at home there too
	onDisk := func(after ...prog.Op) []prog.Op {
		return append([]prog.Op{prog.Write("f", 0, size, 'o'), prog.Fsync("f"), prog.DropCaches()}, after...)
	}
	return prog.Case{
		ID:     "coherence/under-reclaim",
		Rule:   "whatever reclaim takes from the page cache, and whenever, reads, loads and direct I/O into mapped memory return the same bytes as without it",
		Kernel: "shrink_folio_list: folio_trylock, try_to_unmap, __remove_mapping (dirty, folio_ref_freeze)",
		Source: "seed thread 2: the shrinker against a write; iomap/gfs2: Unlock and put folio in page_done handler (6.3); no xfstests limits memory",
		Variants: []prog.Variant{
			{Name: "dirty", Program: prog.New(onDisk(
				prog.Write("f", 0, size, 'n'),
				prog.Reclaim(size),
				prog.Read("f", 0, size).Returns('n'),
			)...).Witness(cached())},
			{Name: "writing", Program: prog.New(onDisk(
				prog.Go("reclaimer", prog.Reclaim(size), prog.Reclaim(size)),
				prog.Write("f", 0, size, 'n'),
				prog.Join("reclaimer"),
				prog.Read("f", 0, size).Returns('n'),
			)...).Witness(cached())},
			{Name: "mapped", Program: prog.New(onDisk(
				prog.Load("f", 0, size).Returns('o'),
				prog.Reclaim(size),
				prog.Write("f", 0, size, 'n'),
				prog.Load("f", 0, size).Returns('n'),
			)...).Witness(cached())},
			// The page is clean, and nobody maps it: only the reference of the request in flight keeps it.
			{Name: "pinned", Program: intoMapping(far, prog.Reclaim(size))},
		},
		Rows: []prog.Row{rows.GlockOverFault("pinned"), pinnedIn(rows.Journalled("no direct read is in flight")), pinnedIn(dirtiedUnasked()), pinnedIn(unnoticed()), pinnedIn(dirtyWithoutSectors())},
	}
}

// intoMapping reads g directly into a mapping of f, and has f's page cleaned by a sync, and something more done, while the request
// is in flight.
func intoMapping(at int64, meanwhile prog.Op, after ...prog.Op) prog.Program {
	const size = 4 * prog.KiB
	ops := []prog.Op{
		prog.Write("f", 0, at+size, 'o'), prog.Fsync("f"),
		prog.Write("g", 0, size, 'g'), prog.Fsync("g"), prog.DropCaches(),
		prog.Load("f", at, size).Returns('o'),
		prog.Hold(prog.Reads).Of("g", 0, size),
		prog.Go("reader", prog.DirectRead("g", 0, size).Via("f", at).Returns('g')),
		prog.AwaitHeld(1),
		prog.Fsync("f").As("sync"),
		meanwhile,
		prog.Release(), prog.Join("reader"),
		prog.Load("f", at, size).Returns('g'),
	}
	return prog.New(append(ops, after...)...).Witness(prog.WhileHeld("sync"))
}

// pinnedIn is the row for the variant that reads directly.
func pinnedIn(r prog.Row) prog.Row {
	r.Variants = []string{"pinned"}
	return r
}
