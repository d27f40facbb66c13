package coherence

import "github.com/iomapcheck/iomapcheck/harness/prog"

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
			prog.Remount(),
			prog.Read("f", far, 4*prog.KiB).Returns('g'),
		)}},
		Rows: []prog.Row{journalled("no direct read is in flight")},
	}
}
