package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// What was never written reads as zeros on every path, beside what was: holes, unwritten blocks, and the rest of the last block.
func holesReadAsZeros() prog.Case {
	zeros := prog.Run{Len: 4 * prog.KiB, Fill: "."}
	data := prog.Run{Len: 4 * prog.KiB, Fill: "n"}
	end := prog.Run{Len: sector, Fill: "n"}
	return prog.Case{
		ID:     "coherence/holes-read-as-zeros",
		Rule:   "holes, unwritten blocks and what lies between an old and a new end of the file read as zeros on every path",
		Kernel: "iomap_dio_hole_iter, iomap_dio_bio_iter → iomap_dio_zero, iomap_block_needs_zeroing",
		Source: "xfstests generic/130 checks the paths one by one, generic/009 zeroed ranges",
		Variants: []prog.Variant{
			{Name: "hole", Program: prog.New(append([]prog.Op{
				prog.Truncate("f", 12*prog.KiB),
				prog.DirectWrite("f", 4*prog.KiB, 4*prog.KiB, 'n'),
			}, allPaths(12*prog.KiB, zeros, data, zeros)...)...).Witness(direct())},
			{Name: "unwritten", Program: prog.New(append([]prog.Op{
				prog.Fallocate("f", 0, 12*prog.KiB, prog.FallocAlloc),
				prog.DirectWrite("f", 4*prog.KiB, 4*prog.KiB, 'n'),
			}, allPaths(12*prog.KiB, zeros, data, zeros)...)...).Witness(direct())},
			{Name: "end", Program: prog.New(append([]prog.Op{
				prog.DirectWrite("f", 0, sector, 'n'),
				prog.Truncate("f", 8*prog.KiB),
			}, allPaths(8*prog.KiB, end, prog.Run{Len: 8*prog.KiB - sector, Fill: "."})...)...).Witness(direct())},
			{Name: "beyond", Program: prog.New(append([]prog.Op{
				prog.Write("f", 0, sector, 'n'),
				prog.DirectWrite("f", 4*prog.KiB, 4*prog.KiB, 'n'),
			}, allPaths(8*prog.KiB, end, prog.Run{Len: 4*prog.KiB - sector, Fill: "."}, data)...)...).Witness(direct())},
			{Name: "punched", Program: prog.New(append([]prog.Op{
				prog.DirectWrite("f", 0, 12*prog.KiB, 'n'),
				prog.Read("f", 0, 12*prog.KiB).Returns('n'),
				prog.Fallocate("f", 0, 4*prog.KiB, prog.FallocPunch),
				prog.Fallocate("f", 8*prog.KiB, 4*prog.KiB, prog.FallocZero),
			}, allPaths(12*prog.KiB, zeros, data, zeros)...)...).Witness(direct())},
		},
		Rows: []prog.Row{
			rows.Journalled("every path is the buffered one"),
			{
				FS: []string{"gfs2"}, Variants: []string{"punched"},
				Unsupported: "gfs2 has no FALLOC_FL_ZERO_RANGE",
				Why:         "fallocate knows only allocating and punching there",
				Kernel:      "gfs2_fallocate",
			},
		},
	}
}

// allPaths reads the file's first n bytes on every path.
func allPaths(n int64, want ...prog.Run) []prog.Op {
	return []prog.Op{
		prog.DirectRead("f", 0, n).ReturnsRuns(want...),
		prog.Read("f", 0, n).ReturnsRuns(want...),
		prog.Load("f", 0, n).ReturnsRuns(want...),
		prog.DirectRead("f", 0, n).ReturnsRuns(want...),
	}
}
