package foliolock

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A write that extends the file raises its size before it unlocks the folio. Writeback that got the folio in between would find it
// behind the end of the file, and drop what it holds.
func sizeUnderLock() prog.Case {
	const size = 4 * prog.KiB
	return prog.Case{
		ID:     "foliolock/size-under-lock",
		Rule:   "what is appended while the file is synced again and again is neither lost nor left out of the size",
		Kernel: "iomap_write_iter: i_size_write before __iomap_put_folio; ext4_da_write_end",
		Source: "the comment in iomap_write_iter on updating i_size before the folio is unlocked; seed thread 2 moved what comes after",
		Variants: []prog.Variant{{Program: prog.New(
			prog.Go("writer", prog.Write("f", 0, size, 'n'), prog.Write("f", size, size, 'n'), prog.Write("f", 2*size, size, 'n')),
			prog.Go("syncer", prog.Fsync("f"), prog.Fsync("f"), prog.Fsync("f")),
			prog.Join("writer"), prog.Join("syncer"),
			prog.Evict("f", 0, 3*size),
			prog.Read("f", 0, 3*size).Returns('n'),
		).Witness(cached())}},
	}
}
