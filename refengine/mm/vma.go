package mm

import (
	"slices"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// Space is a task's address space; analogous to struct mm_struct.
type Space struct {
	// MmapLock is held shared over page faults (mmap_lock).
	MmapLock sched.RWSem
}

// NewSpace returns an empty address space; owner names it in reports.
func NewSpace(s *sched.Sched, owner string) *Space {
	p := &Space{}
	p.MmapLock.Init(s, sched.Label{Class: "mmap_lock", Of: owner})
	return p
}

// VMA is a shared mapping of a whole file in an address space; analogous to struct vm_area_struct with its page tables.
type VMA struct {
	space  *Space
	m      *Mapping
	obj    sched.ObjID // stands for the page tables, which change between two scheduling points, as under their locks
	ptes   []pte       // by index
	locked []span      // VM_LOCKED parts
}

// pte is a present page table entry. A writable one implies that the folio is dirty or is being made so: folio_mkclean takes
// the permission away when the dirty flag is taken for writeback. Entries of DAX files stay writable over fsync.
type pte struct {
	i        Index
	f        *Folio
	writable bool
}

// page returns the memory of the page.
func (e pte) page() []byte { return e.f.Data[e.i.Pos()-e.f.Pos():][:PageSize] }

// span is a half-open range of pages.
type span struct{ from, to Index }

// Mmap maps the file into the address space (mmap with MAP_SHARED, PROT_READ|PROT_WRITE).
func (m *Mapping) Mmap(t *sched.Task, p *Space) *VMA {
	t.Writes(m.mmapObj)
	v := &VMA{space: p, m: m}
	v.obj = m.s.NewObj(sched.Label{Class: "page table", Of: m.Host.Name()})
	m.vmas = append(m.vmas, v)
	return v
}

// Munmap removes the mapping from its address space (munmap).
func (v *VMA) Munmap(t *sched.Task) {
	v.space.MmapLock.Lock(t)
	defer v.space.MmapLock.Unlock(t)
	v.clear(t, 0, IndexOf(EOF))
	t.Writes(v.m.mmapObj)
	if n := slices.Index(v.m.vmas, v); n >= 0 {
		v.m.vmas = slices.Delete(v.m.vmas, n, n+1)
	}
}

// at returns the position of the first entry at or after a page.
func (v *VMA) at(i Index) int {
	n, _ := slices.BinarySearchFunc(v.ptes, i, func(e pte, i Index) int { return int(e.i - i) })
	return n
}

// lookup returns the page's entry, nil if it is not present. The result is valid up to the next change of the table.
func (v *VMA) lookup(t *sched.Task, i Index) *pte {
	t.Reads(v.obj)
	if n := v.at(i); n < len(v.ptes) && v.ptes[n].i == i {
		return &v.ptes[n]
	}
	return nil
}

// set makes an entry present, in the place of the page's old one.
func (v *VMA) set(t *sched.Task, e pte) {
	t.Writes(v.obj)
	t.Writes(e.f.obj)
	e.f.mapped++
	n := v.at(e.i)
	if n < len(v.ptes) && v.ptes[n].i == e.i {
		v.ptes[n].f.mapped--
		v.ptes[n] = e
		return
	}
	v.ptes = slices.Insert(v.ptes, n, e)
}

// clear makes the pages [from, to) absent.
func (v *VMA) clear(t *sched.Task, from, to Index) {
	t.Reads(v.obj)
	first, last := v.at(from), v.at(to)
	if first == last {
		return
	}
	t.Writes(v.obj)
	for _, e := range v.ptes[first:last] {
		t.Writes(e.f.obj)
		e.f.mapped--
	}
	v.ptes = slices.Delete(v.ptes, first, last)
}

// Mlock brings the pages of [pos, pos+n) in and keeps reclaim from them while this mapping maps them (mlock). It keeps
// nobody else: invalidation and truncation unmap and remove them all the same, and the next access faults.
func (v *VMA) Mlock(t *sched.Task, pos, n int64) errno.Errno {
	if n <= 0 {
		return errno.OK
	}
	t.Step("mlock", v.obj)
	v.locked = append(v.locked, span{IndexOf(pos), IndexOf(pos+n-1) + 1})
	if got, err := v.access(t, pos, n, false, func([]byte, int64) {}); got < n && err != errno.OK {
		return errno.ENOMEM
	}
	return errno.OK
}

// Munlock ends Mlock for all parts that overlap [pos, pos+n) (munlock).
func (v *VMA) Munlock(t *sched.Task, pos, n int64) {
	t.Step("munlock", v.obj)
	v.locked = slices.DeleteFunc(v.locked, func(s span) bool { return s.from.Pos() < pos+n && s.to.Pos() > pos })
}

// mlocked says whether a mapping that is locked there maps a page of the folio (PG_mlocked).
func (f *Folio) mlocked(t *sched.Task) bool {
	for _, v := range f.mapping.mappers(t) {
		t.Reads(v.obj)
		for _, s := range v.locked {
			from, to := max(s.from, f.Index), min(s.to, f.Next())
			if from < to && v.at(from) != v.at(to) {
				return true
			}
		}
	}
	return false
}

// mappers returns the VMAs that map the file (i_mmap).
func (m *Mapping) mappers(t *sched.Task) []*VMA {
	t.Reads(m.mmapObj)
	return m.vmas
}

// UnmapMappingRange removes the pages of [pos, end) from every page table (unmap_mapping_range).
func (m *Mapping) UnmapMappingRange(t *sched.Task, pos, end int64) {
	if len(m.mappers(t)) == 0 {
		return
	}
	t.Step("unmap_mapping_range", 0)
	from, to := IndexOf(pos), IndexOf(end+PageSize-1)
	for _, v := range m.mappers(t) {
		v.clear(t, from, to)
	}
}

// zap removes the folio from every page table (unmap_mapping_folio, try_to_unmap).
func (f *Folio) zap(t *sched.Task) {
	for _, v := range f.mapping.mappers(t) {
		v.clear(t, f.Index, f.Next())
	}
}

// MkClean write-protects the folio in every page table, and says whether it was writable in one (folio_mkclean). The folio is
// locked.
func (f *Folio) MkClean(t *sched.Task) bool {
	was := false
	t.Reads(f.obj)
	if f.mapping == nil || f.mapped == 0 {
		return false
	}
	for _, v := range f.mapping.mappers(t) {
		t.Writes(v.obj)
		for n := v.at(f.Index); n < len(v.ptes) && v.ptes[n].i < f.Next(); n++ {
			was = was || v.ptes[n].writable
			v.ptes[n].writable = false
		}
	}
	return was
}
