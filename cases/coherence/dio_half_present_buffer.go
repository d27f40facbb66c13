package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Half of a direct request's memory is not present: it maps a file of which a direct write has just thrown a page out. File systems
// that must not take a page fault under their locks transfer the first half, fault the rest in, and go on; the application is told of
// one request.
//
//	buffer     [ present | not present )
//	turn 1     [ done    )                    faulted in: the rest
//	turn 2               [ done        )      4k + 4k
func dioHalfPresentBuffer() prog.Case {
	const half, all = 4 * prog.KiB, 8 * prog.KiB
	program := func(f, g prog.Fill, ops ...prog.Op) prog.Program {
		return prog.New(append([]prog.Op{
			prog.Write("f", 0, all, f), prog.Fsync("f"),
			prog.Write("g", 0, all, g), prog.Fsync("g"),
			prog.Load("g", 0, all).Returns(g),
			prog.DirectWrite("g", half, half, g),
		}, ops...)...).Witness(direct())
	}
	return prog.Case{
		ID:     "coherence/dio-half-present-buffer",
		Rule:   "direct I/O with memory of which a part is not present transfers all of it, and counts every byte once",
		Kernel: "iomap_dio_rw with IOMAP_DIO_PARTIAL and done_before; btrfs_direct_write, gfs2_file_direct_read, fault_in_iov_iter_readable",
		Source: "iomap: Support partial direct I/O on user copy failures, iomap: Add done_before argument to iomap_dio_rw (5.16); xfstests generic/647, generic/708",
		Needs:  []string{"aio"},
		Variants: []prog.Variant{
			{Name: "write", Program: program('o', 'n',
				prog.AIOWrite("w", "f", 0, all, 'n').Via("g", 0), prog.Reap("w"),
				prog.Read("f", 0, all).Returns('n'))},
			{Name: "read", Program: program('n', 'o',
				prog.AIORead("r", "f", 0, all).Via("g", 0), prog.Reap("r").Returns('n'),
				prog.Load("g", 0, all).Returns('n'))},
		},
		Rows: []prog.Row{
			rows.GlockOverFault(),
			rows.Journalled("direct I/O is buffered"),
			rows.Checksummed("the page stays in the cache, and present"),
		},
	}
}
