package mm

import (
	"slices"
	"sort"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// Host is what a mapping asks of its file; analogous to struct address_space_operations with parts of the inode.
type Host interface {
	// Name returns the file's name, for traces.
	Name() string
	// ISize returns the file's size in bytes (i_size_read). It is not a scheduling point; it declares what it reads.
	ISize(t *sched.Task) int64
	// ReadFolio starts to read a locked folio; the read's completion unlocks it (->read_folio).
	ReadFolio(t *sched.Task, f *Folio)
	// Readahead starts to read locked folios, which are contiguous; the completions unlock them (->readahead).
	Readahead(t *sched.Task, folios []*Folio)
	// Writepages writes out the dirty folios that overlap [pos, end), waiting for writeback under way before writing a folio
	// again (->writepages with WB_SYNC_ALL). It returns when they are submitted.
	Writepages(t *sched.Task, pos, end int64) errno.Errno
	// ReleaseFolio says whether a locked clean folio may leave the cache, and drops Folio.Private if so (->release_folio).
	ReleaseFolio(t *sched.Task, f *Folio) bool
	// InvalidateFolio is told that the bytes [from, to) of a locked folio, counted from its start, are being truncated
	// (->invalidate_folio). If it is the whole folio, Folio.Private goes.
	InvalidateFolio(t *sched.Task, f *Folio, from, to int64)
	// DirtyFolio makes a locked folio dirty whose contents a device has changed through pins (->dirty_folio): all of it.
	DirtyFolio(t *sched.Task, f *Folio)
	// Fault returns the locked, uptodate folio for a page fault (->fault).
	Fault(t *sched.Task, m *Mapping, i Index) (*Folio, errno.Errno)
	// PageMkwrite makes a folio ready for stores through a mapping and returns it locked and dirty (->page_mkwrite). EAGAIN
	// means that the folio left the cache meanwhile: the fault is tried again.
	PageMkwrite(t *sched.Task, f *Folio) errno.Errno
	// DAXFault looks up the storage of a page of a DAX file for a fault, allocating it for a store, and calls insert with it
	// while it holds what keeps the blocks (->huge_fault, dax_iomap_pte_fault), and with the object that stands for it, 0 if it
	// is accessed through page tables only. nil memory is a hole.
	DAXFault(t *sched.Task, i Index, write bool, insert func(mem []byte, obj sched.ObjID)) errno.Errno
}

// Mapping is the page cache of one file; analogous to struct address_space.
type Mapping struct {
	Host Host
	// InvalidateLock keeps folios from being added while the file's extents change: shared by whoever adds, exclusive for whoever
	// removes (mapping->invalidate_lock).
	InvalidateLock sched.RWSem
	// FolioOrder is the order of folios that are added: 0 for pages.
	FolioOrder uint8
	// DAX says that the file's pages are the storage itself: nothing is cached, Folios that page tables map stand for the
	// device's pages.
	DAX bool
	// Memcg is charged for the file's folios; nil without limits.
	Memcg *Memcg
	// Release is the kernel release whose behaviour the cache has, as major*100+minor; NewMapping sets 6.12.
	Release int
	// Mutants are the historic bugs that the page cache has.
	Mutants mutant.Set

	s       *sched.Sched
	obj     sched.ObjID // stands for i_pages at scheduling points
	trace   trace.Sink
	arena   *arena
	folios  []*Folio        // i_pages: by Index, not overlapping; changes between two scheduling points, as under the xa_lock
	vmas    []*VMA          // i_mmap
	mmapObj sched.ObjID     // stands for vmas
	dax     []*Folio        // pages of the device that page tables of this DAX file have mapped, by Index
	idle    sched.WaitQueue // woken when a page of dax is pinned no more
	refuse  sched.Counter   // who breaks layouts and admits no new pins meanwhile

	errObj sched.ObjID // stands for the errors
	wbErr  ErrSeq
	asErr  errno.Errno // AS_EIO, AS_ENOSPC: reported once by filemap_check_errors
}

// NewMapping returns an empty page cache.
func NewMapping(s *sched.Sched, h Host, sink trace.Sink) *Mapping {
	m := &Mapping{Host: h, s: s, trace: sink, arena: arenaOf(s), Release: 612}
	m.obj = s.NewObj(sched.Label{Class: "i_pages", Of: h.Name()})
	m.mmapObj = s.NewObj(sched.Label{Class: "i_mmap", Of: h.Name()})
	m.errObj = s.NewObj(sched.Label{Class: "wb_err", Of: h.Name()})
	m.idle.Init(s, sched.Label{Class: "dax page", Of: h.Name()})
	m.refuse.Init(s, sched.Label{Class: "dax layout break", Of: h.Name()})
	m.InvalidateLock.Init(s, sched.Label{Class: "invalidate_lock", Of: h.Name()})
	return m
}

// NrPages returns how many pages are cached (mapping->nrpages).
func (m *Mapping) NrPages(t *sched.Task) int {
	t.Reads(m.obj)
	n := 0
	for _, f := range m.folios {
		n += 1 << f.Order
	}
	return n
}

// NoneCached says whether no folio of the file is cached (mapping->nrpages is 0).
func (m *Mapping) NoneCached(t *sched.Task) bool {
	t.Reads(m.obj)
	return len(m.folios) == 0
}

// at returns the position in m.folios of the first folio that ends after index i.
func (m *Mapping) at(i Index) int {
	return sort.Search(len(m.folios), func(k int) bool { return m.folios[k].Next() > i })
}

// Find returns the folio that caches a page, nil if none does. It neither locks nor is a scheduling point.
func (m *Mapping) Find(t *sched.Task, i Index) *Folio { return m.FindFrom(t, i, i) }

// FindFrom returns the first folio that ends after page i and begins at or before page last, nil if there is none.
func (m *Mapping) FindFrom(t *sched.Task, i, last Index) *Folio {
	t.Reads(m.obj)
	if k := m.at(i); k < len(m.folios) && m.folios[k].Index <= last {
		return m.folios[k]
	}
	return nil
}

// RangeHas says whether a folio that overlaps [pos, end) satisfies the predicate.
func (m *Mapping) RangeHas(t *sched.Task, pos, end int64, is func(*Folio) bool) bool {
	if end <= pos {
		return false
	}
	last := IndexOf(end - 1)
	for f := m.FindFrom(t, IndexOf(pos), last); f != nil; f = m.FindFrom(t, f.Next(), last) {
		if is(f) {
			return true
		}
	}
	return false
}

// RangeHasPage says whether anything of [pos, end) is cached (filemap_range_has_page).
func (m *Mapping) RangeHasPage(t *sched.Task, pos, end int64) bool {
	return m.RangeHas(t, pos, end, func(*Folio) bool { return true })
}

// RangeNeedsWriteback says whether a folio of the range is dirty, being written or locked (filemap_range_needs_writeback).
func (m *Mapping) RangeNeedsWriteback(t *sched.Task, pos, end int64) bool {
	return m.RangeHas(t, pos, end, func(f *Folio) bool { return f.Dirty(t) || f.Writeback(t) || f.Locked(t) })
}

// add puts a new, locked folio for page i into the cache (filemap_add_folio): EEXIST if there is one already, ENOMEM if the
// memory cgroup does not allow it.
func (m *Mapping) add(t *sched.Task, i Index) (*Folio, errno.Errno) {
	return m.addCharged(t, i, m.Memcg.charge)
}

func (m *Mapping) addCharged(t *sched.Task, i Index, charge func(*sched.Task, int64) errno.Errno) (*Folio, errno.Errno) {
	order, ok := m.fit(t, i)
	if !ok {
		return nil, errno.EEXIST
	}
	if err := charge(t, 1<<order); err != errno.OK {
		return nil, err
	}
	t.Step("filemap_add_folio", m.obj)
	if now, ok := m.fit(t, i); !ok || now < order {
		m.Memcg.uncharge(t, 1<<order)
		return nil, errno.EEXIST
	}
	f := m.arena.folio(order)
	f.Index, f.Order = i&^(1<<order-1), order
	m.insert(t, f)
	return f, errno.OK
}

func (m *Mapping) insert(t *sched.Task, f *Folio) {
	f.attach(m)
	f.lock.LockNew(t)
	m.folios = slices.Insert(m.folios, m.at(f.Index), f)
	m.Memcg.lruAdd(t, f)
	m.emit(t, trace.Event{Name: trace.AddToPageCache, Pos: f.Pos(), End: f.End()})
}

// attach makes a new folio one of the mapping's, with objects of its own.
func (f *Folio) attach(m *Mapping) {
	name := m.Host.Name()
	f.mapping, f.home = m, m
	f.obj = m.s.NewObj(sched.Label{Class: "folio", Of: name, Index: int64(f.Index), Many: true})
	f.lock.Init(m.s, sched.Label{Class: "folio lock", Of: name, Index: int64(f.Index), Many: true})
	f.writeback.Init(m.s, sched.Label{Class: "folio writeback", Of: name, Index: int64(f.Index), Many: true})
}

// fit returns the largest order up to FolioOrder of which a folio can hold page i and overlap no cached folio, false if the
// page is cached.
func (m *Mapping) fit(t *sched.Task, i Index) (uint8, bool) {
	t.Reads(m.obj)
	for order := int(m.FolioOrder); order >= 0; order-- {
		n := Index(1) << order
		first := i &^ (n - 1)
		if k := m.at(first); k == len(m.folios) || m.folios[k].Index >= first+n {
			return uint8(order), true
		}
	}
	return 0, false
}

// remove takes a locked folio out of the cache (filemap_remove_folio).
func (m *Mapping) remove(t *sched.Task, f *Folio) {
	t.Writes(m.obj)
	t.Writes(f.obj)
	k := m.at(f.Index)
	m.folios = slices.Delete(m.folios, k, k+1)
	f.clean(t)
	if f.writeback.Count() > 0 {
		m.Memcg.account(t, 0, -(1 << f.Order))
	}
	f.mapping = nil
	m.Memcg.lruRemove(t, f)
	m.emit(t, trace.Event{Name: trace.DeleteFromCache, Pos: f.Pos(), End: f.End()})
}

// GetFolioLocked returns the folio for page i, locked, adding one if there is none (__filemap_get_folio with FGP_LOCK and
// FGP_CREAT). ENOMEM says that the memory cgroup does not allow it.
func (m *Mapping) GetFolioLocked(t *sched.Task, i Index) (*Folio, errno.Errno) {
	for {
		f := m.Find(t, i)
		if f == nil {
			if f, err := m.add(t, i); err != errno.EEXIST {
				return f, err
			}
			continue
		}
		if f.Lock(t); f.mapping == m {
			return f, errno.OK
		}
		f.Unlock(t)
	}
}

// LockFolio returns the cached folio for page i, locked, nil if there is none (filemap_lock_folio).
func (m *Mapping) LockFolio(t *sched.Task, i Index) *Folio {
	for f := m.Find(t, i); f != nil; f = m.Find(t, i) {
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
