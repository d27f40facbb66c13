package fallback

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// overtaken are the rows of the file systems on which the store @redirty waits while the writeback that a direct write starts is held, in
// these variants: it comes before or after the write, which the read @after shows. See redirtyDuringWriteback for each of them.
func overtaken(variants ...string) []prog.Row {
	waits := func(r prog.Row, in ...string) prog.Row {
		r.Variants = variants
		r.Expect = storeIsOvertaken()
		r.Witnesses = []prog.Witness{prog.SeenBlocked("redirty", in...)}
		return r
	}
	checksummed := rows.ThroughTheCache(variants...)
	checksummed.Why = "a direct write to a file with checksums is carried out through the page cache; the store waits for its writeback"
	return []prog.Row{
		waits(checksummed, "folio_wait_writeback"),
		waits(prog.Row{FS: []string{"btrfs"}, Why: "pages do not change under writeback: the store waits for it", Kernel: "btrfs_page_mkwrite → folio_wait_writeback"},
			"folio_wait_writeback"),
		waits(prog.Row{FS: []string{"bcachefs"}, Why: "a direct write keeps the faults of stores out", Kernel: "bch2_direct_write → bch2_pagecache_block_get"},
			"__bch2_two_state_lock", "two_state_lock"),
		waits(prog.Row{FS: []string{"gfs2"}, Why: "a direct write holds the inode's glock, which the fault of a store needs in another state", Kernel: "gfs2_page_mkwrite → gfs2_glock_wait"},
			"gfs2_glock_wait", "inode_dio_wait"),
	}
}
