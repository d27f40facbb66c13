package coherence

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A range that is made a file's own is read, and written to blocks of its own, though no byte of it changes.
//
//	f   |o o o o|  shared with g        unshare: dirty, and written elsewhere
//	g   |o o o o|  keeps the old blocks, which nobody shares any more
func unshareRange() prog.Case {
	const size = 16 * prog.KiB
	shared := func(rest ...prog.Op) prog.Program {
		return prog.New(append([]prog.Op{
			prog.Write("f", 0, size, 'o'), prog.Fsync("f"), prog.Clone("f", "g"), prog.DropCaches(),
		}, rest...)...).Witness(cached())
	}
	return prog.Case{
		ID:     "coherence/unshare-range",
		Rule:   "making a shared range a file's own changes no byte of either file, with anything cached or not, and beside a write; what is written afterwards shows in that file alone",
		Kernel: "iomap_file_unshare → iomap_unshare_iter; xfs_reflink_unshare",
		Source: "iomap: don't skip reading in !uptodate folios when unsharing a range (6.6), iomap: don't bother unsharing delalloc extents (6.12); xfstests xfs/180 and others",
		Variants: []prog.Variant{
			{Name: "whole", Program: shared(
				prog.Fallocate("f", 0, size, prog.FallocUnshare), prog.Fsync("f"), prog.DropCaches(),
				prog.Read("f", 0, size).Returns('o'), prog.Read("g", 0, size).Returns('o'),
				prog.DirectWrite("f", 0, 4*prog.KiB, 'n'),
				prog.Read("g", 0, size).Returns('o'),
			)},
			{Name: "beside-write", Program: shared(
				prog.Go("writer", prog.Write("f", 4*prog.KiB, 4*prog.KiB, 'n')),
				prog.Fallocate("f", 0, size, prog.FallocUnshare), prog.Join("writer"),
				prog.Fsync("f"), prog.DropCaches(),
				prog.Read("f", 0, size).ReturnsRuns(
					prog.Run{Len: 4 * prog.KiB, Fill: "o"}, prog.Run{Len: 4 * prog.KiB, Fill: "n"}, prog.Run{Len: 8 * prog.KiB, Fill: "o"},
				),
				prog.Read("g", 0, size).Returns('o'),
			)},
			{Name: "hole", Program: prog.New(
				prog.Truncate("f", size), prog.Write("f", 4*prog.KiB, 4*prog.KiB, 'o'), prog.Fsync("f"), prog.Clone("f", "g"),
				prog.Write("f", 8*prog.KiB, 4*prog.KiB, 'n'),
				prog.Fallocate("f", 0, size, prog.FallocUnshare),
				prog.Read("f", 0, size).ReturnsRuns(
					prog.Run{Len: 4 * prog.KiB, Fill: "."}, prog.Run{Len: 4 * prog.KiB, Fill: "o"}, prog.Run{Len: 4 * prog.KiB, Fill: "n"}, prog.Run{Len: 4 * prog.KiB, Fill: "."},
				),
				prog.Read("g", 0, size).ReturnsRuns(
					prog.Run{Len: 4 * prog.KiB, Fill: "."}, prog.Run{Len: 4 * prog.KiB, Fill: "o"}, prog.Run{Len: 8 * prog.KiB, Fill: "."},
				),
			).Witness(cached())},
		},
	}
}
