package mm

import (
	"sort"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// Host is what a mapping asks of its file; analogous to struct address_space_operations with parts of the inode.
type Host interface {
	// Name returns the file's name, for traces.
	Name() string
	// ISize returns the file's size in bytes (i_size_read). It is not a scheduling point.
	ISize() int64
	// ReadFolio starts to read a locked folio; the read's completion unlocks it (->read_folio).
	ReadFolio(t *sched.Task, f *Folio)
	// Readahead starts to read locked folios, which are contiguous; the completions unlock them (->readahead).
	Readahead(t *sched.Task, folios []*Folio)
	// Writepages writes out the dirty folios that overlap [pos, end), waiting for writeback under way before writing a folio
	// again (->writepages with WB_SYNC_ALL). It returns when they are submitted.
	Writepages(t *sched.Task, pos, end int64) errno.Errno
	// ReleaseFolio says whether a locked clean folio may leave the cache (->release_folio).
	ReleaseFolio(t *sched.Task, f *Folio) bool
	// Fault returns the locked, uptodate folio for a page fault (->fault).
	Fault(t *sched.Task, m *Mapping, i Index) (*Folio, errno.Errno)
	// PageMkwrite makes a folio ready for stores through a mapping and returns it locked and dirty (->page_mkwrite). EAGAIN
	// means that the folio left the cache meanwhile: the fault is tried again.
	PageMkwrite(t *sched.Task, f *Folio) errno.Errno
}

// Mapping is the page cache of one file; analogous to struct address_space.
type Mapping struct {
	Host Host
	// InvalidateLock keeps folios from being added while the file's extents change: shared by whoever adds, exclusive for whoever
	// removes (mapping->invalidate_lock).
	InvalidateLock sched.RWSem
	// FolioOrder is the order of folios that are added: 0 for pages.
	FolioOrder uint8

	s      *sched.Sched
	obj    sched.ObjID // stands for i_pages at scheduling points
	trace  trace.Sink
	folios []*Folio // i_pages: by Index, not overlapping; changes between two scheduling points, as under the xa_lock
	vmas   []*VMA   // i_mmap

	wbErr ErrSeq
	asErr errno.Errno // AS_EIO, AS_ENOSPC: reported once by filemap_check_errors
}

// NewMapping returns an empty page cache.
func NewMapping(s *sched.Sched, h Host, sink trace.Sink) *Mapping {
	m := &Mapping{Host: h, s: s, trace: sink}
	m.obj = s.NewObj(sched.Label{Class: "i_pages", Of: h.Name()})
	m.InvalidateLock.Init(s, sched.Label{Class: "invalidate_lock", Of: h.Name()})
	return m
}

// NrPages returns how many pages are cached (mapping->nrpages).
func (m *Mapping) NrPages() int {
	n := 0
	for _, f := range m.folios {
		n += 1 << f.Order
	}
	return n
}

// at returns the position in m.folios of the first folio that ends after index i.
func (m *Mapping) at(i Index) int {
	return sort.Search(len(m.folios), func(k int) bool { return m.folios[k].Next() > i })
}

// Find returns the folio that caches a page, nil if none does. It neither locks nor is a scheduling point.
func (m *Mapping) Find(i Index) *Folio {
	if k := m.at(i); k < len(m.folios) && m.folios[k].Index <= i {
		return m.folios[k]
	}
	return nil
}

// FindFrom returns the first folio that ends after page i and begins at or before page last, nil if there is none.
func (m *Mapping) FindFrom(i, last Index) *Folio {
	if k := m.at(i); k < len(m.folios) && m.folios[k].Index <= last {
		return m.folios[k]
	}
	return nil
}

// RangeHas says whether a folio that overlaps [pos, end) satisfies the predicate.
func (m *Mapping) RangeHas(pos, end int64, is func(*Folio) bool) bool {
	if end <= pos {
		return false
	}
	last := IndexOf(end - 1)
	for f := m.FindFrom(IndexOf(pos), last); f != nil; f = m.FindFrom(f.Next(), last) {
		if is(f) {
			return true
		}
	}
	return false
}

// RangeHasPage says whether anything of [pos, end) is cached (filemap_range_has_page).
func (m *Mapping) RangeHasPage(pos, end int64) bool {
	return m.RangeHas(pos, end, func(*Folio) bool { return true })
}

// RangeNeedsWriteback says whether a folio of the range is dirty, being written or locked (filemap_range_needs_writeback).
func (m *Mapping) RangeNeedsWriteback(pos, end int64) bool {
	return m.RangeHas(pos, end, func(f *Folio) bool { return f.dirty || f.Writeback() || f.Locked() })
}

// add puts a new, locked folio for page i into the cache (filemap_add_folio), unless there is one already.
func (m *Mapping) add(t *sched.Task, i Index) *Folio {
	t.Step("filemap_add_folio", m.obj)
	f := m.fit(i)
	if f == nil {
		return nil
	}
	name := m.Host.Name()
	f.mapping = m
	f.lock.Init(m.s, sched.Label{Class: "folio lock", Of: name, Index: int64(f.Index), Many: true})
	f.writeback.Init(m.s, sched.Label{Class: "folio writeback", Of: name, Index: int64(f.Index), Many: true})
	f.lock.LockNew(t)
	k := m.at(f.Index)
	m.folios = append(m.folios, nil)
	copy(m.folios[k+1:], m.folios[k:])
	m.folios[k] = f
	m.emit(t, trace.Event{Name: trace.AddToPageCache, Pos: f.Pos(), End: f.End()})
	return f
}

// fit returns a folio of the largest order up to FolioOrder that holds page i and overlaps no cached folio, nil if the page is
// cached.
func (m *Mapping) fit(i Index) *Folio {
	for order := int(m.FolioOrder); order >= 0; order-- {
		n := Index(1) << order
		first := i &^ (n - 1)
		if m.FindFrom(first, first+n-1) == nil {
			return &Folio{Index: first, Order: uint8(order), Data: make([]byte, PageSize<<order)}
		}
	}
	return nil
}

// remove takes a locked folio out of the cache (filemap_remove_folio).
func (m *Mapping) remove(t *sched.Task, f *Folio) {
	k := m.at(f.Index)
	m.folios = append(m.folios[:k], m.folios[k+1:]...)
	f.mapping = nil
	m.emit(t, trace.Event{Name: trace.DeleteFromCache, Pos: f.Pos(), End: f.End()})
}

// GetFolioLocked returns the folio for page i, locked, adding one if there is none (__filemap_get_folio with FGP_LOCK and
// FGP_CREAT).
func (m *Mapping) GetFolioLocked(t *sched.Task, i Index) *Folio {
	for {
		f := m.Find(i)
		if f == nil {
			if f = m.add(t, i); f != nil {
				return f
			}
			continue
		}
		if f.Lock(t); f.mapping == m {
			return f
		}
		f.Unlock(t)
	}
}

// LockFolio returns the cached folio for page i, locked, nil if there is none (filemap_lock_folio).
func (m *Mapping) LockFolio(t *sched.Task, i Index) *Folio {
	for f := m.Find(i); f != nil; f = m.Find(i) {
		if f.Lock(t); f.mapping == m {
			return f
		}
		f.Unlock(t)
	}
	return nil
}

func (m *Mapping) emit(t *sched.Task, e trace.Event) {
	if m.trace == nil {
		return
	}
	e.Task, e.Step = t.Name(), m.s.Steps()
	if e.File == "" {
		e.File = m.Host.Name()
	}
	m.trace(e)
}
