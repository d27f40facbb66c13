package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A device writes into pages that a sync has cleaned meanwhile: they must be dirty again when it is done, or what it has read is
// lost with the page.
func pinnedPageIsCleaned() prog.Case {
	const far = 256 * prog.KiB
	return prog.Case{
		ID:     "coherence/pinned-page-is-cleaned",
		Rule:   "what a direct read has put into a mapped page reaches that page's file, also if the page was written back while the read was in flight",
		Kernel: "bio_check_pages_dirty → bio_dirty_fn",
		Source: "the reason for bio_dirty_fn (2.6): a page cleaned between bio_set_pages_dirty and the end of the read",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{{Program: intoMapping(far, prog.Evict("f", far, 4*prog.KiB),
			prog.Fsync("f"), prog.Remount(),
			prog.Read("f", far, 4*prog.KiB).Returns('g'),
		)}},
		Rows: []prog.Row{rows.GlockOverFault(), rows.Journalled("no direct read is in flight"), dirtiedUnasked(), dirtyWithoutSectors()},
	}
}

// dirtyWithoutSectors is the row of bcachefs, which keeps for each sector of a folio whether it is dirty, and learns that from faults and
// its own writes alone.
func dirtyWithoutSectors() prog.Row {
	return prog.Row{
		FS: []string{"bcachefs"}, Target: "vm", Known: true,
		Why:    "a page that the end of a direct read makes dirty has no dirty sectors: writeback writes nothing of it, and what was read is lost; seen on 6.12.117",
		Kernel: "__bch2_writepage (SECTOR_dirty), bch2_page_mkwrite",
	}
}

// unnoticed is the row of older btrfs, which does not say so, and whose direct reads do not see what the fixup has still to write.
func unnoticed() prog.Row {
	return prog.Row{
		FS: []string{"btrfs"}, Target: "vm", Before: "6.12", Known: true,
		Why:    "a page that the end of a direct read makes dirty has no space reserved: writeback leaves it to a worker, and a direct read meanwhile returns what the disk holds; seen on 6.1.192",
		Kernel: "btrfs_writepage_cow_fixup",
	}
}

// dirtiedUnasked is the row of btrfs where a page becomes dirty without ->page_mkwrite, because a device has written to it.
func dirtiedUnasked() prog.Row {
	return prog.Row{
		FS: []string{"btrfs"}, Target: "vm", Since: "6.12", Before: "6.17", Known: true, Shows: "crash",
		Why:    "a page that the end of a direct read makes dirty has no space reserved and no ordered extent: btrfs calls it marked dirty without notifying the filesystem, and repairs it by a fixup",
		Kernel: "btrfs_writepage_cow_fixup",
	}
}
