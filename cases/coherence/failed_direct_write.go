package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A direct write that the disk refuses fails with the disk's error, and leaves old or new bytes, nothing else.
func failedDirectWrite() prog.Case {
	program := func(write ...prog.Op) prog.Program {
		ops := []prog.Op{prog.Write("f", 0, whole, 'o'), prog.Fsync("f"), prog.Fail(prog.Writes, "EIO", 1).Of("f", 0, whole)}
		return prog.New(append(append(ops, write...),
			prog.Read("f", 0, whole).OneOf("on"),
			prog.DirectWrite("f", 0, whole, 'm'),
			prog.Read("f", 0, whole).Returns('m'),
		)...).Witness(direct())
	}
	return prog.Case{
		ID:     "coherence/failed-direct-write",
		Rule:   "a direct write that the disk answers with an error fails with it, leaves each byte old or new, and the next one works",
		Kernel: "iomap_dio_bio_end_io → iomap_dio_set_error, iomap_dio_complete",
		Source: "seed thread 3 (which errors must reach the application); xfstests generic/441 is the buffered counterpart",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "sync", Program: program(prog.DirectWrite("f", 0, whole, 'n').Fails("EIO"))},
			{Name: "aio", Program: program(prog.AIOWrite("w", "f", 0, whole, 'n'), prog.Reap("w").Fails("EIO"))},
			{Name: "uring", Program: program(prog.UringWrite("w", "f", 0, whole, 'n').With(prog.Direct), prog.Reap("w").Fails("EIO"))},
			{Name: "vectored", Program: program(prog.DirectWrite("f", 0, whole, 'n').With(prog.Vectored).Fails("EIO"))},
		},
		Rows: []prog.Row{
			rows.Journalled("what fails is the journal, and the filesystem with it"),
			rows.Checksummed("what fails is writeback"),
		},
	}
}
