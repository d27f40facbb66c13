package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// BufferedHooks is what a filesystem does its own way in the buffered paths.
type BufferedHooks interface {
	// End ends what Begin began for a buffered write (->iomap_end): written of the mapping's bytes were written.
	End(t *sched.Task, ino *Inode, im Iomap, written int64)
	// GetFolio returns the locked folio for a write or zeroing at pos (->get_folio, ->page_prepare); a filesystem that journals begins
	// its transaction first.
	GetFolio(t *sched.Task, ino *Inode, pos, n int64) (*mm.Folio, errno.Errno)
	// PutFolio is called with the folio locked when n bytes of it were written, 0 after a failure, and unlocks it (->put_folio).
	PutFolio(t *sched.Task, ino *Inode, f *mm.Folio, pos, n int64)
	// Valid says under the folio's lock whether a mapping still holds (->iomap_valid). A filesystem whose locks keep the mapping from
	// changing says yes.
	Valid(t *sched.Task, ino *Inode, im Iomap) bool
	// MapsUnderFolio says that buffered writes map each folio's blocks with it locked (->write_begin), and Begin is called then.
	MapsUnderFolio(ino *Inode) bool
	// ZeroRange makes [pos, end) read as zeros, for what truncation and hole punching leave of blocks.
	ZeroRange(t *sched.Task, ino *Inode, pos, end int64) errno.Errno
	// Writepages is ->writepages.
	Writepages(t *sched.Task, ino *Inode, pos, end int64) errno.Errno
	// SubmitIoend is told that the blocks of [pos, end) are about to be written out (->submit_ioend).
	SubmitIoend(t *sched.Task, ino *Inode, pos, end int64)
	// FinishIoend is the completion of a run that was written out, in interrupt context: it must not block. Most call Ioend.Finish.
	FinishIoend(t *sched.Task, ino *Inode, o *Ioend, e errno.Errno)
}

// PageDoner is a filesystem whose hook at the end of a buffered write's folio was once called on an unlocked folio.
type PageDoner interface {
	// PageDone takes PutFolio's place there (->page_done before 6.3). The folio may have left the cache.
	PageDone(t *sched.Task, ino *Inode, f *mm.Folio, pos, n int64)
}
