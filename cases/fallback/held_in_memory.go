package fallback

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Pages that somebody has locked in memory, or holds references to, are no reason to fall back: the mapping loses them, and a new fault
// finds the new bytes. Where a direct write does fall back, such pages stay in the cache and must show what it has written.
//
//	mapping   mlock, or pin …………………………………… load: n
//	writer    ……………… direct write n: the folio leaves the cache, its references stay
func heldInMemory() prog.Case {
	program := func(keep, letGo prog.Op) prog.Program {
		return prog.New(
			prog.Write("f", 0, whole, 'o'), prog.Fsync("f"),
			keep, prog.Load("f", 0, whole).Returns('o'),
			prog.DirectWrite("f", 0, whole, 'n'),
			prog.Load("f", 0, whole).Returns('n'), prog.Read("f", 0, whole).Returns('n'), prog.DirectRead("f", 0, whole).Returns('n'),
			letGo,
			prog.Load("f", 0, whole).Returns('n'),
		).Witness(direct())
	}
	redirtied := func(keep, letGo prog.Op) prog.Program {
		return prog.New(
			prog.Write("f", 0, whole, 'o'), prog.Fsync("f"),
			keep, prog.Store("f", 0, whole, 'd'),
			prog.Hold(prog.Writes).Of("f", 0, whole),
			prog.Go("writer", prog.DirectWrite("f", 0, whole, 'n')),
			prog.AwaitHeld(1),
			prog.Store("f", 0, whole, 'e').MayBlock().As("redirty"),
			prog.Release(), prog.Join("writer"),
			prog.Load("f", 0, whole).Returns('n').As("after"),
			letGo,
		).Witness(prog.WhileHeld("redirty"), prog.Fired("iomap:iomap_dio_invalidate_fail", 1))
	}
	mlock, munlock := prog.Mlock("f", 0, whole), prog.Munlock("f", 0, whole)
	pin, unpin := prog.Pin("f", 0, whole), prog.Unpin("f", 0, whole)
	return prog.Case{
		ID:     "fallback/held-in-memory",
		Rule:   "a direct write over pages that a task has locked in memory or pinned returns its full count, directly or through the cache, and every path reads it afterwards, that task's mapping first",
		Kernel: "invalidate_inode_pages2_range unmaps mlocked pages and looks at no reference; mapping_evict_folio, after the fallback, does",
		Source: "seed thread 3: what can keep invalidation from succeeding",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "mlocked", Program: program(mlock, munlock)},
			{Name: "pinned", Program: program(pin, unpin)},
			{Name: "mlocked-redirty", Program: redirtied(mlock, munlock)},
			{Name: "pinned-redirty", Program: redirtied(pin, unpin)},
		},
		Rows: append([]prog.Row{
			rows.Journalled("nothing is invalidated"),
			rows.BufferHeads("mlocked-redirty", "pinned-redirty"),
			{
				FS:          []string{"zonefs"},
				Unsupported: "there is no fallback: fallback/zonefs-busy",
				Why:         "the error of the invalidation is the write's",
				Kernel:      "zonefs_file_dio_write",
			},
		}, overtaken("mlocked-redirty", "pinned-redirty")...),
	}
}
