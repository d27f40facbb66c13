package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A direct read of dirty page cache must wait until the cache is on the disk, or it returns what the disk held before.
//
//	main     write n (cached) …………………………… release
//	reader   ……………… direct read: writeback of n ─ held ─┐ asleep ……… reads n
func directReadWritesBack() prog.Case {
	return prog.Case{
		ID:     "coherence/direct-read-writes-back",
		Rule:   "a direct read returns what a buffered write or a store left in the page cache, waiting for its writeback, and never what the disk held before",
		Kernel: "__iomap_dio_rw → kiocb_write_and_wait",
		Source: "iomap: Only invalidate page cache pages on direct IO writes (5.9) kept the writeback for reads; xfstests generic/095 mixes the two by chance",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "written", Program: readDirty(prog.Write("f", 0, whole, 'n'))},
			{Name: "stored", Program: readDirty(prog.Store("f", 0, whole, 'n'))},
			{Name: "spliced", Program: readDirty(prog.SpliceWrite("f", 0, whole, 'n'))},
			{Name: "vectored", Program: readDirty(prog.Write("f", 0, whole, 'n'), prog.DirectRead("f", 0, whole).With(prog.Vectored).Returns('n').As("read"))},
			// The submission is what waits.
			{Name: "aio", Program: readDirty(prog.Write("f", 0, whole, 'n'), prog.AIORead("r", "f", 0, whole).As("read"), prog.Reap("r").Returns('n'))},
			{Name: "new", Program: prog.New(append([]prog.Op{prog.Write("f", 0, whole, 'n')}, heldRead()...)...).Witness(asleepInWriteback())},
		},
		Rows: []prog.Row{rows.Journalled("the read comes from the page cache, and nothing has to be written back")},
	}
}

// readDirty reads directly what an operation has left dirty over old data.
func readDirty(dirty prog.Op, read ...prog.Op) prog.Program {
	ops := []prog.Op{prog.Write("f", 0, whole, 'o'), prog.Fsync("f"), dirty}
	return prog.New(append(ops, heldRead(read...)...)...).Witness(asleepInWriteback())
}

// heldRead is a direct read, the plain one unless another is given, whose writeback is held.
func heldRead(read ...prog.Op) []prog.Op {
	if read == nil {
		read = []prog.Op{prog.DirectRead("f", 0, whole).Returns('n').As("read")}
	}
	return []prog.Op{
		prog.Hold(prog.Writes).Of("f", 0, whole),
		prog.Go("reader", read...),
		prog.AwaitHeld(1),
		prog.AwaitBlocked("reader"),
		prog.Release(), prog.Join("reader"),
		prog.Read("f", 0, whole).Returns('n'),
	}
}

func asleepInWriteback() prog.Witness { return prog.SeenBlocked("read", "folio_wait_writeback") }
