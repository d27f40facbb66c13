package mm

import (
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
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
// held, except where a field says otherwise. Methods that take the task declare to the scheduler what they touch.
type Folio struct {
	Index Index // of its first page; a multiple of 1 << Order
	Order uint8
	Data  []byte // the contents, PageSize << Order bytes
	// Private is the filesystem's state of the folio (folio->private: iomap_folio_state, buffer heads), nil without. It belongs to
	// the Host, which drops it in ReleaseFolio and InvalidateFolio. Protected by the folio lock.
	Private any

	// mapping is the file it belongs to, nil once it was removed from the cache. Changed under its lock; whoever locks a folio
	// that it found in a mapping must look again.
	mapping *Mapping

	home      *Mapping      // the file it was made for; never changes
	obj       sched.ObjID   // stands for flags and contents
	lock      sched.BitLock // PG_locked
	writeback sched.Counter // PG_writeback as 0 or 1; cleared at I/O completion, without the lock
	uptodate  bool          // PG_uptodate; set at I/O completion by the request that has the lock
	dirty     bool          // PG_dirty
	mapped    int           // how many page tables map one of its pages (_mapcount)
	refs      int           // references of those who use it at the moment, without the cache's, the page tables' and the pins
	pins      int           // pages pinned for I/O (folio_maybe_dma_pinned)
}

// dirtier is a Private that is told when all of the folio becomes dirty (->dirty_folio).
type dirtier interface{ DirtyFolio() }

// Pos returns the byte position in the file at which the folio begins.
func (f *Folio) Pos() int64 { return f.Index.Pos() }

// Size returns the folio's size in bytes.
func (f *Folio) Size() int64 { return PageSize << f.Order }

// End returns the byte position after the folio's last byte.
func (f *Folio) End() int64 { return f.Pos() + f.Size() }

// Next returns the index after the folio's last page.
func (f *Folio) Next() Index { return f.Index + 1<<f.Order }

// Obj returns the object that stands for the folio's flags and contents in declarations (sched.Task.Reads, Writes).
func (f *Folio) Obj() sched.ObjID { return f.obj }

// Mapping returns the file the folio is cached for, nil if it is cached no more.
func (f *Folio) Mapping() *Mapping { return f.mapping }

// Uptodate says whether the folio's contents are valid.
func (f *Folio) Uptodate(t *sched.Task) bool {
	t.Reads(f.obj)
	return f.uptodate
}

// MarkUptodate says that the contents are valid (folio_mark_uptodate). The folio is locked.
func (f *Folio) MarkUptodate(t *sched.Task) {
	t.Writes(f.obj)
	f.uptodate = true
}

// Dirty says whether the folio has contents that the disk lacks.
func (f *Folio) Dirty(t *sched.Task) bool {
	t.Reads(f.obj)
	return f.dirty
}

// MarkDirty says that the folio's contents are newer than the disk's, all of them (folio_mark_dirty). The folio is locked.
func (f *Folio) MarkDirty(t *sched.Task) {
	if p, ok := f.Private.(dirtier); ok {
		p.DirtyFolio()
	}
	f.MarkPartlyDirty(t)
}

// MarkPartlyDirty sets the folio's dirty flag alone (filemap_dirty_folio): the state in Private says which part it means. The folio
// is locked.
func (f *Folio) MarkPartlyDirty(t *sched.Task) {
	t.Writes(f.obj)
	if !f.dirty && f.mapping != nil {
		f.mapping.Memcg.account(t, 1<<f.Order, 0)
	}
	f.dirty = true
}

// clean takes the dirty flag away and says whether it was set.
func (f *Folio) clean(t *sched.Task) bool {
	t.Writes(f.obj)
	was := f.dirty
	if was && f.mapping != nil {
		f.mapping.Memcg.account(t, -(1 << f.Order), 0)
	}
	f.dirty = false
	return was
}

// Writeback says whether the folio is being written to the disk.
func (f *Folio) Writeback(t *sched.Task) bool {
	t.Reads(f.writeback.Obj())
	return f.writeback.Count() > 0
}

// Locked says whether somebody has the folio's lock.
func (f *Folio) Locked(t *sched.Task) bool {
	t.Reads(f.lock.Obj())
	return f.lock.Locked()
}

// Lock takes the folio lock (folio_lock). The caller's reference keeps the folio from reclaim meanwhile.
func (f *Folio) Lock(t *sched.Task) {
	f.hold(t, 1)
	f.lock.Lock(t)
	f.hold(t, -1)
}

// TryLock takes the folio lock if it is free (folio_trylock).
func (f *Folio) TryLock(t *sched.Task) bool { return f.lock.TryLock(t) }

// Unlock releases the folio lock (folio_unlock).
func (f *Folio) Unlock(t *sched.Task) { f.lock.Unlock(t) }

// Get takes a reference (folio_get): the folio stays in the cache as far as reclaim and InvalidateMappingPages are concerned;
// InvalidateInodePages2Range and truncation take it all the same.
func (f *Folio) Get(t *sched.Task) { f.hold(t, 1) }

// Put gives a reference back (folio_put).
func (f *Folio) Put(t *sched.Task) { f.hold(t, -1) }

// hold changes the count of references, which reclaim looks at while it has the lock.
func (f *Folio) hold(t *sched.Task, n int) {
	if t.Sched().Killing() {
		return
	}
	t.Adds(f.lock.Obj())
	f.refs += n
}

// HandToIO leaves the folio locked for a read request that releases it by EndRead. The task is its owner no more.
func (f *Folio) HandToIO() { f.lock.Disown() }

// EndRead finishes a read of the folio: it is uptodate if the read went well, and unlocked (folio_end_read). It is not a
// scheduling point, since the completion of one request ends the reads of all its folios at once.
func (f *Folio) EndRead(t *sched.Task, ok bool) {
	t.Writes(f.obj)
	t.Writes(f.lock.Obj())
	f.uptodate = f.uptodate || ok
	f.lock.UnlockQuiet()
}

// WaitUnlocked waits until the folio's lock is free (folio_wait_locked), without taking it.
func (f *Folio) WaitUnlocked(t *sched.Task) {
	f.hold(t, 1)
	f.lock.WaitFree(t, "folio_wait_locked")
	f.hold(t, -1)
}

// WaitWriteback waits until the folio is not being written (folio_wait_writeback).
func (f *Folio) WaitWriteback(t *sched.Task) {
	if f.Writeback(t) {
		f.hold(t, 1)
		f.writeback.WaitZero(t, "folio_wait_writeback")
		f.hold(t, -1)
	}
}

// ClearDirtyForIO takes the dirty flag for writing the folio out, and write-protects it in all page tables so that the next
// store faults and marks it again (folio_clear_dirty_for_io, folio_mkclean). The folio is locked. It says whether it was dirty.
func (f *Folio) ClearDirtyForIO(t *sched.Task) bool {
	if f.mapping == nil || !f.mapping.Mutants.Has(mutant.NoMkclean) {
		f.MkClean(t)
	}
	return f.clean(t)
}

// StartWriteback marks the folio as being written (folio_start_writeback). The folio is locked. A second call before
// EndWriteback needs a second EndWriteback.
func (f *Folio) StartWriteback(t *sched.Task) {
	t.Writes(f.writeback.Obj())
	if f.writeback.Count() == 0 && f.mapping != nil {
		f.mapping.Memcg.account(t, 0, 1<<f.Order)
	}
	f.writeback.Add(1)
}

// EndWriteback ends it (folio_end_writeback). It is not a scheduling point: one completion ends many folios' writeback.
func (f *Folio) EndWriteback(t *sched.Task) {
	t.Writes(f.writeback.Obj())
	f.writeback.Add(-1)
	if f.writeback.Count() == 0 && f.mapping != nil {
		f.mapping.Memcg.account(t, 0, -(1 << f.Order))
	}
}

// Mapped says whether a page table maps the folio.
func (f *Folio) Mapped(t *sched.Task) bool {
	t.Reads(f.obj)
	return f.mapped > 0
}
