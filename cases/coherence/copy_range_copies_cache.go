package coherence

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A copy in the kernel shows what a read of the source would, wherever that is, whether it shares the blocks or goes through a pipe; and
// it changes the bytes that it was asked for, no more.
//
//	source   | d d d d |  dirty in the cache
//	target   | t t t t |  cached, mapped or dirty
//	copied   | d d . t |  .: the end of the source is inside of a block
func copyRangeCopiesCache() prog.Case {
	const kib = prog.KiB
	run := func(f string, n int64) prog.Run { return prog.Run{Len: n, Fill: f} }
	program := func(ops ...prog.Op) prog.Program {
		return prog.New(append([]prog.Op{
			prog.Write("f", 0, 16*kib, 'o'), prog.Fsync("f"), prog.Write("f", 0, 16*kib, 'd'),
			prog.Write("g", 0, 16*kib, 't'), prog.Load("g", 0, 16*kib).Returns('t'),
		}, ops...)...).Witness(prog.Fired("iomapcheck:vfs_copy_file_range", 1))
	}
	return prog.Case{
		ID:     "coherence/copy-range-copies-cache",
		Rule:   "copy_file_range copies what the source's page cache holds over what the target's holds, exactly the bytes it returns, and writes to either file afterwards do not show in the other",
		Kernel: "vfs_copy_file_range → ->remap_file_range, do_splice_direct; generic_remap_file_range_prep",
		Source: "xfs: fix data corruption w/ unaligned reflink ranges (4.20); xfstests generic/430 to 434, generic/265 to 279",
		Variants: []prog.Variant{
			{Name: "blocks", Program: program(
				prog.CopyRange("f", 4*kib, 8*kib, "g", 4*kib),
				prog.Load("g", 0, 16*kib).ReturnsRuns(run("t", 4*kib), run("d", 8*kib), run("t", 4*kib)),
				prog.DirectWrite("f", 4*kib, 4*kib, 'n'), prog.Store("f", 8*kib, 4*kib, 's'),
				prog.Read("g", 0, 16*kib).ReturnsRuns(run("t", 4*kib), run("d", 8*kib), run("t", 4*kib)),
			)},
			// Whole blocks are shared, and the rest is copied beside what it must not touch.
			{Name: "part", Program: program(
				prog.CopyRange("f", 0, 4*kib+sector, "g", 0),
				prog.Load("g", 0, 16*kib).ReturnsRuns(run("d", 4*kib+sector), run("t", 12*kib-sector)),
				prog.DirectRead("g", 0, 16*kib).ReturnsRuns(run("d", 4*kib+sector), run("t", 12*kib-sector)),
			)},
			{Name: "end", Program: program(
				prog.Truncate("f", 6*kib),
				prog.CopyRange("f", 0, 12*kib, "g", 0).Counts(6*kib),
				prog.Read("g", 0, 16*kib).ReturnsRuns(run("d", 6*kib), run("t", 10*kib)),
				prog.CopyRange("f", 0, 12*kib, "h", 0).Counts(6*kib),
				prog.FileSize("h").Counts(6*kib),
				prog.Load("h", 0, 6*kib).Returns('d'),
			)},
			{Name: "hole", Program: program(
				prog.Fallocate("f", 4*kib, 4*kib, prog.FallocPunch),
				prog.CopyRange("f", 0, 12*kib, "g", 0),
				prog.Load("g", 0, 16*kib).ReturnsRuns(run("d", 4*kib), run(".", 4*kib), run("d", 4*kib), run("t", 4*kib)),
				prog.DirectRead("g", 0, 16*kib).ReturnsRuns(run("d", 4*kib), run(".", 4*kib), run("d", 4*kib), run("t", 4*kib)),
			)},
			{Name: "same-file", Program: program(
				prog.CopyRange("f", 0, 16*kib, "f", prog.Period),
				prog.DirectWrite("f", 0, 16*kib, 'n'),
				prog.Load("f", prog.Period, 16*kib).Returns('d'),
				prog.DirectRead("f", prog.Period, 16*kib).Returns('d'),
			)},
		},
		Rows: []prog.Row{copied("a copy is made from storage to storage", "blocks", "part", "end", "hole", "same-file")},
	}
}
