package mm

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
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
	space *Space
	m     *Mapping
	ptes  map[Index]pte
}

// pte is a present page table entry. A writable one implies that the folio is dirty or is being made so: folio_mkclean takes
// the permission away when the dirty flag is taken for writeback.
type pte struct {
	f        *Folio
	writable bool
}

// Mmap maps the file into the address space (mmap with MAP_SHARED, PROT_READ|PROT_WRITE).
func (m *Mapping) Mmap(p *Space) *VMA {
	v := &VMA{space: p, m: m, ptes: map[Index]pte{}}
	m.vmas = append(m.vmas, v)
	return v
}

// Munmap removes the mapping from its address space (munmap).
func (v *VMA) Munmap(t *sched.Task) {
	v.space.MmapLock.Lock(t)
	defer v.space.MmapLock.Unlock(t)
	for i := range v.ptes {
		v.clear(i)
	}
	for n, o := range v.m.vmas {
		if o == v {
			v.m.vmas = append(v.m.vmas[:n], v.m.vmas[n+1:]...)
			return
		}
	}
}

// Load copies from the mapping as a task's loads would, page by page, faulting where it must. EFAULT stands for SIGBUS:
// beyond the end of the file, or a read error. It returns the bytes copied before it.
func (v *VMA) Load(t *sched.Task, p []byte, pos int64) (int64, errno.Errno) {
	return v.access(t, pos, int64(len(p)), false, func(mem []byte, done int64) { copy(p[done:], mem) })
}

// Store copies to the mapping as a task's stores would; see Load.
func (v *VMA) Store(t *sched.Task, p []byte, pos int64) (int64, errno.Errno) {
	return v.access(t, pos, int64(len(p)), true, func(mem []byte, done int64) { copy(mem, p[done:]) })
}

// access calls touch with the memory of each page, in a step of its own, once the page table allows it.
func (v *VMA) access(t *sched.Task, pos, n int64, write bool, touch func(mem []byte, done int64)) (int64, errno.Errno) {
	for done := int64(0); done < n; {
		t.Step(accessName(write), v.space.MmapLock.Obj())
		at := pos + done
		e, ok := v.ptes[IndexOf(at)]
		if !ok || (write && !e.writable) {
			if err := v.fault(t, IndexOf(at), write); err != errno.OK {
				return done, err
			}
			continue
		}
		end := min(pos+n, IndexOf(at).Pos()+PageSize)
		touch(e.f.Data[at-e.f.Pos():end-e.f.Pos()], done)
		done += end - at
	}
	return n, errno.OK
}

func accessName(write bool) string {
	if write {
		return "store"
	}
	return "load"
}

// fault handles a page fault (handle_mm_fault): the folio is brought in, a store asks the filesystem with the folio unlocked first
// (do_shared_fault, wp_page_shared), and the page table is filled while the folio is locked.
func (v *VMA) fault(t *sched.Task, i Index, write bool) errno.Errno {
	v.space.MmapLock.RLock(t)
	defer v.space.MmapLock.RUnlock(t)
	f := v.ptes[i].f
	if f == nil {
		v.m.emit(t, trace.Event{Name: trace.FilemapFault, Pos: i.Pos(), End: i.Pos() + PageSize})
		var err errno.Errno
		if f, err = v.m.Host.Fault(t, v.m, i); err != errno.OK {
			return err
		}
		if !write {
			v.set(i, pte{f, false})
		}
		f.Unlock(t)
	}
	if !write {
		return errno.OK
	}
	v.m.emit(t, trace.Event{Name: trace.PageMkwrite, Pos: i.Pos(), End: i.Pos() + PageSize})
	err := v.m.Host.PageMkwrite(t, f)
	if err == errno.EAGAIN {
		return errno.OK
	}
	if err == errno.OK {
		v.set(i, pte{f, true})
		f.Unlock(t)
	}
	return err
}

func (v *VMA) set(i Index, e pte) {
	v.clear(i)
	v.ptes[i] = e
	e.f.mapped++
}

func (v *VMA) clear(i Index) {
	if e, ok := v.ptes[i]; ok {
		e.f.mapped--
		delete(v.ptes, i)
	}
}

// UnmapMappingRange removes the pages of [pos, end) from every page table (unmap_mapping_range).
func (m *Mapping) UnmapMappingRange(t *sched.Task, pos, end int64) {
	t.Step("unmap_mapping_range", m.obj)
	for _, v := range m.vmas {
		for i := range v.ptes {
			if i.Pos() < end && i.Pos()+PageSize > pos {
				v.clear(i)
			}
		}
	}
}

// zap removes the folio from every page table (unmap_mapping_folio).
func (f *Folio) zap() {
	for _, v := range f.mapping.vmas {
		for i := f.Index; i < f.Next(); i++ {
			v.clear(i)
		}
	}
}

// mkclean write-protects the folio in every page table, and says whether it was writable in one (folio_mkclean).
func (f *Folio) mkclean() bool {
	was := false
	if f.mapping == nil || f.mapped == 0 {
		return false
	}
	for _, v := range f.mapping.vmas {
		for i := f.Index; i < f.Next(); i++ {
			if e, ok := v.ptes[i]; ok && e.writable {
				was = true
				v.ptes[i] = pte{f, false}
			}
		}
	}
	return was
}
