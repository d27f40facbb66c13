package ktrace

import (
	"runtime"
	"strings"
)

// folioArguments are the registers of x86-64 in which functions get the folio (before 6.0 the page) that they are about, where they
// have been the same from 5.10 to 7.2.
func folioArguments() map[string]string {
	return map[string]string{
		"folio_unlock": "%di", "unlock_page": "%di",
		"folio_end_writeback": "%di", "folio_mark_dirty": "%di", "folio_clear_dirty_for_io": "%di",
		"filemap_release_folio": "%di", "try_to_release_page": "%di", "try_to_free_buffers": "%di", "drop_buffers": "%di",
		"iomap_release_folio": "%di", "iomap_invalidate_folio": "%di",
		"gfs2_release_folio": "%di", "btrfs_release_folio": "%di", "ext4_release_folio": "%di",
		"gfs2_iomap_put_folio": "%cx", "gfs2_iomap_page_done": "%cx",
		"gfs2_trans_add_databufs": "%si", "gfs2_page_add_databufs": "%si",
	}
}

// FolioArgument is the fetch argument that tells the folio a function is about, "" where that is not known.
func FolioArgument(symbol string) string {
	register := folioArguments()[symbol]
	if register == "" || runtime.GOARCH != "amd64" {
		return ""
	}
	return "folio=" + register
}

// Folio is the folio that the event is about, as the kernel names it, "" where the event does not say.
func (e Event) Folio() string {
	for f := range strings.FieldsSeq(e.Fields) {
		if folio, ok := strings.CutPrefix(f, "folio="); ok {
			return folio
		}
	}
	return ""
}
