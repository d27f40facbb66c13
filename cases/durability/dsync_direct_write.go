package durability

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A direct write with O_DSYNC that has returned is there after a power cut: its data, the blocks that hold them, and the size that covers
// them.
//
//	direct write n, O_DSYNC: data ── blocks valid, size ── log, flush │ returns │ power cut │ n
func dsyncDirectWrite() prog.Case {
	const block = 4 * prog.KiB
	dsync := func(off, n int64) prog.Op { return prog.DirectWrite("f", off, n, 'n').With(prog.DSync) }
	return prog.Case{
		ID:     "durability/dsync-direct-write",
		Rule:   "a direct write with O_DSYNC that has returned survives a power cut, with its blocks and its size",
		Kernel: "iomap_dio_complete → generic_write_sync; iomap_dio_bio_iter: IOMAP_DIO_WRITE_THROUGH only for pure overwrites of what is durable (IOMAP_F_DIRTY)",
		Source: "iomap: Use FUA for pure data O_DSYNC DIO writes (4.18); xfstests generic/482 (FUA), generic/042 (stale data after a crash)",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "overwrite", Program: cutAfter(settled(), ops(dsync(0, whole)), holds('n'))},
			{Name: "append", Program: cutAfter(settled(), ops(dsync(whole, whole)),
				prog.FileSize("f").Counts(2*whole), prog.Read("f", whole, whole).Returns('n'), holds('o'))},
			{Name: "empty", Program: cutAfter(fresh(), ops(dsync(0, whole)), prog.FileSize("f").Counts(whole), holds('n'))},
			// The blocks are there and durable, but not valid until the write has converted them.
			{Name: "unwritten", Program: cutAfter(fresh(),
				ops(prog.Fallocate("f", 0, whole, prog.FallocAlloc), prog.Fsync("f"), dsync(0, whole)), holds('n'))},
			// The first write allocates and promises nothing: what the second one overwrites is not durable itself.
			{Name: "again", Program: cutAfter(fresh(),
				ops(prog.DirectWrite("f", 0, whole, 'o'), dsync(block, block)),
				prog.Read("f", block, block).Returns('n'))},
			{Name: "aio", Program: cutAfter(settled(),
				ops(prog.AIOWrite("w", "f", 0, whole, 'n').With(prog.DSync), prog.Reap("w")), holds('n'))},
			{Name: "aio-append", Program: cutAfter(settled(),
				ops(prog.AIOWrite("w", "f", whole, whole, 'n').With(prog.DSync), prog.Reap("w")),
				prog.FileSize("f").Counts(2*whole), prog.Read("f", whole, whole).Returns('n'))},
		},
		Rows: []prog.Row{journalled(), unflushed("overwrite", "unwritten", "again", "aio"), flushedTooEarly("5.18", "overwrite"), flushedTooEarly("", "aio")},
	}
}
