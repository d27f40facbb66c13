package coherence

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A store through a mapping that was made writable while the file was shorter: the block it goes to had no space then, and the store
// must ask for it.
func storeBehindOldEOF() prog.Case {
	const kib = prog.KiB
	return prog.Case{
		ID:     "coherence/store-behind-old-eof",
		Rule:   "a store to a block that the file has only grown over reaches the disk, although its page was mapped writable before",
		Kernel: "pagecache_isize_extended → folio_mkclean",
		Source: "vfs: fix data corruption when blocksize < pagesize for mmaped data (3.18); xfstests generic/030",
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, sector, 'o'),
			prog.Store("f", 0, sector, 'p'),
			prog.Write("f", 8*kib, sector, 'n'),
			prog.Store("f", 2*kib, sector, 's'),
			prog.Read("f", 0, 8*kib+sector).ReturnsRuns(
				prog.Run{Len: sector, Fill: "p"}, prog.Run{Len: 3 * sector, Fill: "."}, prog.Run{Len: sector, Fill: "s"},
				prog.Run{Len: 6*kib - sector, Fill: "."}, prog.Run{Len: sector, Fill: "n"},
			),
		).Witness(stored())}},
	}
}
