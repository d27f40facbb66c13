package foliolock

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A write that extends the file raises its size before it unlocks the folio. Writeback that got the folio in between would find it
// behind the end of the file, and drop what it holds.
func sizeUnderLock() prog.Case {
	const page = 4 * prog.KiB
	// appended writes pieces one behind the other, beside whoever syncs.
	appended := func(sizes ...int64) prog.Program {
		var writes []prog.Op
		var end int64
		for _, n := range sizes {
			writes = append(writes, prog.Write("f", end, n, 'n'))
			end += n
		}
		return prog.New(
			prog.Go("writer", writes...),
			prog.Go("syncer", prog.Fsync("f"), prog.Fsync("f"), prog.Fsync("f")),
			prog.Join("writer"), prog.Join("syncer"),
			prog.FileSize("f").Counts(end),
			prog.Evict("f", 0, end),
			prog.Read("f", 0, end).Returns('n'),
		).Witness(cached())
	}
	return prog.Case{
		ID:     "foliolock/size-under-lock",
		Rule:   "what is appended while the file is synced again and again is neither lost nor left out of the size",
		Kernel: "iomap_write_iter: i_size_write before __iomap_put_folio; ext4_da_write_end",
		Source: "the comment in iomap_write_iter on updating i_size before the folio is unlocked; seed thread 2 moved what comes after",
		Variants: []prog.Variant{
			{Program: appended(page, page, page)},
			// The end moves within one folio, and across the boundary of two.
			{Name: "parts", Program: appended(sector, 3*sector, page, sector)},
			// What is written at once may stand in one folio, which the next writes extend or follow.
			{Name: "large", Program: appended(whole, sector, whole-sector, page)},
		},
	}
}
