package foliolock

import "github.com/iomapcheck/iomapcheck/harness/prog"

// The file ends inside a folio, whatever that one's size is. A mapping reaches the rest of the page that the file ends in, and what is
// stored there must not become the file's when a write further on in the same folio, or in the next, moves the end.
//
//	folio  |oooooo‖ x        |           the end ‖, and x behind it in the same page
//	folio  |oooooo‖·····|nn|             a write in the same folio
func straddlingFolio() prog.Case {
	program := func(folio int64, at int64) prog.Program {
		end := folio/2 + sector // in the folio's middle page, or for a single page in its middle
		page := end / (4 * prog.KiB) * 4 * prog.KiB
		x := end + 2*sector // in the page of the end, behind it
		grown := at + sector
		return prog.New(
			// One write of the folio's size makes a folio of that size, where the file system has such.
			prog.Write("f", 0, folio, 'o'), prog.Truncate("f", end), prog.Fsync("f"),
			prog.Store("f", x, sector, 'x'),
			prog.Write("f", at, sector, 'n'),
			prog.FileSize("f").Counts(grown),
			prog.Read("f", page, grown-page).ReturnsRuns(
				prog.Run{Len: end - page, Fill: "o"}, prog.Run{Len: at - end, Fill: "."}, prog.Run{Len: sector, Fill: "n"}),
			prog.Fsync("f"), prog.Evict("f", 0, 80*prog.KiB),
			prog.Read("f", end, at-end).Returns('.'),
		).Witness(stored())
	}
	const kib = prog.KiB
	return prog.Case{
		ID:     "foliolock/straddling-folio",
		Rule:   "what a mapping stored behind the end of the file never becomes its data when a write moves the end, in the same folio or behind it, whatever the folio's size",
		Kernel: "iomap_write_iter → pagecache_isize_extended, xfs_file_write_checks → xfs_zero_range, ext4_write_end, gfs2_file_buffered_write, btrfs_cont_expand",
		Source: "seed thread 2 (folio_may_straddle_isize, which was never merged); mm: zero range of eof folio exposed by inode size extension (6.13)",
		Variants: []prog.Variant{
			{Name: "4k", Program: program(4*kib, 2*kib+4*sector)},
			{Name: "16k", Program: program(16*kib, 15*kib)},
			{Name: "64k", Program: program(64*kib, 63*kib)},
			{Name: "next", Program: program(64*kib, 72*kib)},
		},
		Rows: []prog.Row{
			{
				FS: []string{"gfs2"}, Target: "vm", Since: "6.17", Known: true,
				Why:    "the rest of the page is cleared, and what was stored there shows all the same: seen on 7.2.13; the cause was not found",
				Kernel: "gfs2_clear_beyond_eof → gfs2_block_zero_range",
			},
			{
				FS: []string{"ext4", "gfs2"}, Before: "6.12", Known: true,
				Why:    "the block that the file ends in is not zeroed when a write further on moves the end: coherence/bytes-behind-eof",
				Kernel: "ext4_da_write_end, gfs2_file_buffered_write",
				Commit: "ext4: partial zero eof block on unaligned inode size extension",
			},
			{
				FS: []string{"f2fs"}, Before: "6.12", Known: true,
				Why:    "the block that the file ends in is not zeroed when a write further on moves the end: coherence/bytes-behind-eof",
				Kernel: "f2fs_file_write_iter",
				Commit: "f2fs: fix to zero post-eof page",
			},
			{
				FS: []string{"ext4/1k"}, Before: "6.13", Known: true,
				Why:    "only the block that the file ends in is zeroed, not the page's other blocks, which were stored to behind the end",
				Kernel: "ext4_block_truncate_page; pagecache_isize_extended",
				Commit: "mm: zero range of eof folio exposed by inode size extension",
			},
			{
				FS:          []string{"xfs/dax", "ext4/dax"},
				Unsupported: "there are no folios: a mapping stores behind the end on the storage itself: coherence/bytes-behind-eof",
				Why:         "the page cache is left out",
				Kernel:      "dax_iomap_fault",
			},
			{
				FS: []string{"bcachefs"}, Known: true,
				Why:    "a write zeroes nothing of the folio that the file ends in, to which a mapping has stored behind the end: coherence/bytes-behind-eof",
				Kernel: "__bch2_buffered_write",
			},
		},
	}
}
