// Package trace holds the events by which the engine tells what happened inside it, under the kernel's tracepoint names.
package trace

import (
	"fmt"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
)

// The event names the engine emits: the kernel's "system:event", as 6.12 has them, or "probe:" and the function where there is no
// tracepoint and a kprobe would be set.
const (
	DioRWBegin         = "iomap:iomap_dio_rw_begin"
	DioRWQueued        = "iomap:iomap_dio_rw_queued"
	DioComplete        = "iomap:iomap_dio_complete"
	DioInvalidateFail  = "iomap:iomap_dio_invalidate_fail"
	WritebackFolio     = "iomap:iomap_writepage"
	ReadFolio          = "iomap:iomap_readpage"
	Readahead          = "iomap:iomap_readahead"
	ZeroIter           = "iomap:iomap_zero_iter"
	AddToPageCache     = "filemap:mm_filemap_add_to_page_cache"
	DeleteFromCache    = "filemap:mm_filemap_delete_from_page_cache"
	FilemapFault       = "filemap:mm_filemap_fault"
	FilemapSetWbErr    = "filemap:filemap_set_wb_err"
	FileCheckAdvance   = "filemap:file_check_and_advance_wb_err"
	PageMkwrite        = "probe:do_page_mkwrite"
	InodeDioWait       = "probe:inode_dio_wait"
	IomapDioRW         = "probe:__iomap_dio_rw"
	DAXIomapRW         = "probe:dax_iomap_rw"
	IomapDioZero       = "probe:iomap_dio_zero"
	MarkVictim         = "oom:mark_victim"
	FileSpliceWrite    = "probe:iter_file_splice_write"
	VfsCopyFileRange   = "probe:vfs_copy_file_range"
	UringComplete      = "io_uring:io_uring_complete"
	WarnStalePagecache = "probe:dio_warn_stale_pagecache"
	// The end of a buffered write's folio, for rules about the order of the hook and the unlocking.
	FolioUnlock            = "probe:folio_unlock"
	IomapWriteEnd          = "probe:iomap_write_end"
	PagecacheIsizeExtended = "probe:pagecache_isize_extended"
	Gfs2PutFolio           = "probe:gfs2_iomap_put_folio"
	Gfs2PageDone           = "probe:gfs2_iomap_page_done"
	Gfs2TransAddDatabufs   = "probe:gfs2_trans_add_databufs"
	Gfs2PageAddDatabufs    = "probe:gfs2_page_add_databufs" // the same before 6.3
	Gfs2ReleaseFolio       = "probe:gfs2_release_folio"
	Gfs2LogFlush           = "gfs2:gfs2_log_flush"
	Ext4ReleaseFolio       = "ext4:ext4_release_folio"
	Jbd2StartCommit        = "jbd2:jbd2_start_commit"
	// Printk is a line of the kernel log; Event.Text holds it.
	Printk = "printk"
)

// Event is one thing that happened inside the engine.
type Event struct {
	Name string // one of the constants above
	Task string // the task in whose context it happened
	File string // the file's name, "" if the event has none
	// Pos and End are the bytes of the file concerned, half-open. End is 0 if the event has no range.
	Pos, End int64
	Ret      int64       // what the traced function returned, where the tracepoint shows it
	Errno    errno.Errno // OK unless the tracepoint shows an error
	Text     string      // the line of a Printk
	Step     int64       // scheduling steps executed before the event: the execution's clock
}

// String prints the event on one line.
func (e Event) String() string {
	s := fmt.Sprintf("%d %s %s", e.Step, e.Task, e.Name)
	if e.File != "" {
		s += " " + e.File
	}
	if e.End > e.Pos {
		s += fmt.Sprintf(" [%#x, %#x)", e.Pos, e.End)
	}
	if e.Ret != 0 {
		s += fmt.Sprintf(" ret=%d", e.Ret)
	}
	if e.Errno != errno.OK {
		s += " " + e.Errno.String()
	}
	if e.Text != "" {
		s += fmt.Sprintf(" %q", e.Text)
	}
	return s
}

// Sink receives events in order. It is called from inside a scheduling step, must not enter the scheduler, and may be nil.
type Sink func(Event)

// Emit hands the event to the sink, if there is one.
func (f Sink) Emit(e Event) {
	if f != nil {
		f(e)
	}
}
