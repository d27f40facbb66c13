package coherence

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Sharing blocks is about what is on the disk: what the source has in its cache must be written first, and what the destination has
// in its cache is not its own any more.
func cloneOfCachedData() prog.Case {
	const size = 4 * prog.KiB
	return prog.Case{
		ID:     "coherence/clone-of-cached-data",
		Rule:   "a clone shows what its source showed when it was made, whatever either had cached, and a later write to one of them does not show in the other",
		Kernel: "generic_remap_file_range_prep, xfs_reflink_remap_prep; btrfs_remap_file_range_prep",
		Source: "the flush of generic_remap_file_range_prep; xfstests generic/164",
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("g", 0, size, 'g'), prog.Load("g", 0, size).Returns('g'),
			prog.Write("f", 0, size, 'o'),
			prog.Clone("f", "g"),
			prog.Read("g", 0, size).Returns('o'), prog.Load("g", 0, size).Returns('o'),
			prog.Write("f", 0, sector, 'n'),
			prog.Read("g", 0, size).Returns('o'),
			prog.Read("f", 0, size).ReturnsRuns(prog.Run{Len: sector, Fill: "n"}, prog.Run{Len: size - sector, Fill: "o"}),
		).Witness(cached())}},
		Rows: []prog.Row{{
			FS:          []string{"xfs/dax"},
			Unsupported: "a DAX file shares no blocks with others unless both are DAX and the machine can tell their owners of a failure",
			Why:         "reflink and DAX exclude each other on one file",
			Kernel:      "xfs_reflink_remap_prep (IS_DAX)",
		}},
	}
}
