package mm

import (
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// PageSize is the size of a page in bytes; a folio of order n has 1<<n of them.
const PageSize = 4096

// Index is a page's position in its file, in pages (pgoff_t).
type Index int64

// IndexOf returns the index of the page that holds the byte.
func IndexOf(pos int64) Index { return Index(pos / PageSize) }

// Pos returns the byte position at which the page begins.
func (i Index) Pos() int64 { return int64(i) * PageSize }

// Folio is a run of pages that is cached as one; analogous to Linux's struct folio. Its flags change only while its lock is
// held, except where a field says otherwise.
type Folio struct {
	Index Index // of its first page; a multiple of 1 << Order
	Order uint8
	Data  []byte // the contents, PageSize << Order bytes

	// mapping is the file it belongs to, nil once it was removed from the cache. Changed under its lock; whoever locks a folio
	// that it found in a mapping must look again.
	mapping *Mapping

	lock      sched.BitLock // PG_locked
	writeback sched.Counter // PG_writeback as 0 or 1; cleared at I/O completion, without the lock
	uptodate  bool          // PG_uptodate; set at I/O completion by the request that has the lock
	dirty     bool          // PG_dirty
	mapped    int           // how many page tables map one of its pages (_mapcount)
}

// Pos returns the byte position in the file at which the folio begins.
func (f *Folio) Pos() int64 { return f.Index.Pos() }

// Size returns the folio's size in bytes.
func (f *Folio) Size() int64 { return PageSize << f.Order }

// End returns the byte position after the folio's last byte.
func (f *Folio) End() int64 { return f.Pos() + f.Size() }

// Next returns the index after the folio's last page.
func (f *Folio) Next() Index { return f.Index + 1<<f.Order }

// Mapping returns the file the folio is cached for, nil if it is cached no more.
func (f *Folio) Mapping() *Mapping { return f.mapping }

// Uptodate says whether the folio's contents are valid.
func (f *Folio) Uptodate() bool { return f.uptodate }

// MarkUptodate says that the contents are valid (folio_mark_uptodate). The folio is locked.
func (f *Folio) MarkUptodate() { f.uptodate = true }

// Dirty says whether the folio has contents that the disk lacks.
func (f *Folio) Dirty() bool { return f.dirty }

// MarkDirty says that the folio's contents are newer than the disk's (filemap_dirty_folio). The folio is locked.
func (f *Folio) MarkDirty() { f.dirty = true }

// Writeback says whether the folio is being written to the disk.
func (f *Folio) Writeback() bool { return f.writeback.Count() > 0 }

// Locked says whether somebody has the folio's lock.
func (f *Folio) Locked() bool { return f.lock.Locked() }

// Lock takes the folio lock (folio_lock).
func (f *Folio) Lock(t *sched.Task) { f.lock.Lock(t) }

// TryLock takes the folio lock if it is free (folio_trylock).
func (f *Folio) TryLock(t *sched.Task) bool { return f.lock.TryLock(t) }

// Unlock releases the folio lock (folio_unlock).
func (f *Folio) Unlock(t *sched.Task) { f.lock.Unlock(t) }

// HandToIO leaves the folio locked for a read request that releases it by EndRead. The task is its owner no more.
func (f *Folio) HandToIO() { f.lock.Disown() }

// EndRead finishes a read of the folio: it is uptodate if the read went well, and unlocked (folio_end_read). It is not a
// scheduling point, since the completion of one request ends the reads of all its folios at once.
func (f *Folio) EndRead(ok bool) {
	f.uptodate = f.uptodate || ok
	f.lock.UnlockQuiet()
}

// WaitUnlocked waits until the folio's lock is free (folio_wait_locked), without taking it.
func (f *Folio) WaitUnlocked(t *sched.Task) { f.lock.WaitFree(t, "folio_wait_locked") }

// WaitWriteback waits until the folio is not being written (folio_wait_writeback).
func (f *Folio) WaitWriteback(t *sched.Task) {
	if f.Writeback() {
		f.writeback.WaitZero(t, "folio_wait_writeback")
	}
}

// ClearDirtyForIO takes the dirty flag for writing the folio out, and write-protects it in all page tables so that the next
// store faults and marks it again (folio_clear_dirty_for_io, folio_mkclean). The folio is locked. It says whether it was dirty.
func (f *Folio) ClearDirtyForIO() bool {
	f.mkclean()
	was := f.dirty
	f.dirty = false
	return was
}

// StartWriteback marks the folio as being written (folio_start_writeback). The folio is locked.
func (f *Folio) StartWriteback() { f.writeback.Add(1) }

// EndWriteback ends it (folio_end_writeback). It is not a scheduling point: one completion ends many folios' writeback.
func (f *Folio) EndWriteback() { f.writeback.Add(-1) }

// Mapped says whether a page table maps the folio.
func (f *Folio) Mapped() bool { return f.mapped > 0 }
