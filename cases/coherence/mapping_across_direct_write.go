package coherence

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A page that is mapped when a direct write begins is taken out of the page tables with the cache: otherwise the mapping goes on
// showing a page that is the file's no more.
func mappingAcrossDirectWrite() prog.Case {
	const size = 4 * prog.KiB
	return prog.Case{
		ID:     "coherence/mapping-across-direct-write",
		Rule:   "a mapping that showed a page before a direct write shows what was written after it, as does every other path",
		Kernel: "invalidate_inode_pages2_range → unmap_mapping_folio",
		Source: "mm: fix fault vs invalidate race for linear mappings (2.6.23); xfstests generic/091",
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, size, 'o'), prog.Fsync("f"), prog.DropCaches(),
			prog.Load("f", 0, size).Returns('o'),
			prog.DirectWrite("f", 0, size, 'n'),
			prog.Load("f", 0, size).Returns('n'), prog.Read("f", 0, size).Returns('n'),
		).Witness(cached())}},
	}
}
