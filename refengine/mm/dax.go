package mm

import (
	"slices"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// daxFault maps a page of the storage (dax_iomap_pte_fault). A page that backs nothing yet is mapped as zeros, read-only, until
// a store allocates it. The page table entry is made while the filesystem keeps the blocks where they are.
func (v *VMA) daxFault(t *sched.Task, i Index, write bool) errno.Errno {
	v.m.emit(t, trace.Event{Name: trace.FilemapFault, Pos: i.Pos(), End: i.Pos() + PageSize})
	if i.Pos() >= v.m.Host.ISize(t) {
		return errno.EFAULT
	}
	return v.m.Host.DAXFault(t, i, write, func(mem []byte, obj sched.ObjID) {
		t.Step("dax_insert_entry", v.m.obj)
		v.set(t, pte{i, v.m.daxPage(t, i, mem, obj), write})
	})
}

// daxPage returns the page of the device that backs page i, as a folio that page tables can map and I/O can pin (dax_insert_entry).
// nil memory is the zero page. The folio is declared as what the page of the device is, obj: other accesses to it do not come by here.
func (m *Mapping) daxPage(t *sched.Task, i Index, mem []byte, obj sched.ObjID) *Folio {
	t.Writes(m.obj)
	hole := mem == nil
	n := m.daxAt(i)
	if n < len(m.dax) && m.dax[n].Index == i {
		if f := m.dax[n]; hole == (f.Private == daxHole{}) && (hole || &f.Data[0] == &mem[0]) {
			return f
		}
		m.dax = slices.Delete(m.dax, n, n+1)
	}
	f := &Folio{Index: i, Data: mem}
	if hole {
		f.Data, f.Private = make([]byte, PageSize), daxHole{}
	}
	f.attach(m)
	if obj != 0 {
		f.obj = obj
	}
	m.dax = slices.Insert(m.dax, n, f)
	return f
}

// daxHole marks the zero page of a hole (DAX_ZERO_PAGE).
type daxHole struct{}

func (m *Mapping) daxAt(i Index) int {
	n, _ := slices.BinarySearchFunc(m.dax, i, func(f *Folio, i Index) int { return int(f.Index - i) })
	return n
}

// daxTruncate forgets the pages of [pos, end) (dax_delete_mapping_entry). Whoever has them pinned keeps them.
func (m *Mapping) daxTruncate(t *sched.Task, pos, end int64) {
	t.Step("dax_delete_mapping_entry", m.obj)
	m.dax = slices.DeleteFunc(m.dax, func(f *Folio) bool {
		if !within(f, pos, end) {
			return false
		}
		t.Writes(f.obj)
		f.zap(t)
		f.mapping = nil
		return true
	})
}

// daxInvalidate unmaps the zero pages of [pos, end), whose blocks a write has just allocated, so that the next access finds
// the data (dax_invalidate_mapping_entry_sync, called through invalidate_inode_pages2_range).
func (m *Mapping) daxInvalidate(t *sched.Task, pos, end int64) errno.Errno {
	if m.Mutants.Has(mutant.DAXHoleStaysMapped) {
		return errno.OK
	}
	t.Step("dax_invalidate_mapping_entry_sync", m.obj)
	m.dax = slices.DeleteFunc(m.dax, func(f *Folio) bool {
		if f.Private != (daxHole{}) || f.Pos() >= end || f.End() <= pos {
			return false
		}
		t.Writes(f.obj)
		f.zap(t)
		f.mapping = nil
		return true
	})
	return errno.OK
}

// DAXLayoutBusyPage unmaps [pos, end), so that whoever wants to pin a page of it must fault and wait for InvalidateLock, which
// the caller holds exclusively; then it returns a page that is pinned already, nil if none is (dax_layout_busy_page_range).
func (m *Mapping) DAXLayoutBusyPage(t *sched.Task, pos, end int64) *Folio {
	m.UnmapMappingRange(t, pos, end)
	t.Step("dax_layout_busy_page_range", m.obj)
	for _, f := range m.dax {
		t.Reads(f.obj)
		if f.Pos() < end && f.End() > pos && f.pins > 0 {
			return f
		}
	}
	return nil
}

// WaitDAXPageIdle waits until nobody has the page pinned (wait_page_idle).
func (m *Mapping) WaitDAXPageIdle(t *sched.Task, f *Folio) {
	m.idle.Wait(t, "dax_page_idle", func() bool {
		t.Reads(f.obj)
		return f.pins == 0
	})
}

// RefuseNewPins makes tasks that have no page of their buffer pinned wait before they pin one of this file, until AdmitPins. No kernel has
// it: it is what would give a layout break forward progress without keeping InvalidateLock.
func (m *Mapping) RefuseNewPins(t *sched.Task) {
	t.Step("dax_refuse_pins", m.refuse.Obj())
	m.refuse.Add(1)
}

// AdmitPins undoes RefuseNewPins.
func (m *Mapping) AdmitPins(t *sched.Task) {
	if t.Sched().Killing() {
		return
	}
	t.Step("dax_admit_pins", m.refuse.Obj())
	m.refuse.Add(-1)
}

// refusesPins says whether a task that has no page pinned must wait before it pins one.
func (m *Mapping) refusesPins(t *sched.Task) bool {
	t.Reads(m.refuse.Obj())
	return m.refuse.Count() > 0
}

// setDirtyLock marks a pinned folio dirty (set_page_dirty_lock).
func (f *Folio) setDirtyLock(t *sched.Task) {
	t.Reads(f.obj)
	if f.mapping == nil || f.mapping.DAX {
		return
	}
	f.Lock(t)
	if f.mapping != nil && !f.Dirty(t) {
		f.mapping.Host.DirtyFolio(t, f)
	}
	f.Unlock(t)
}

// unpin takes a pin away. What was written to and cleaned by writeback meanwhile is dirty again; the work queue that locks the folio
// for it in the kernel (bio_dirty_fn) is left out.
func (f *Folio) unpin(t *sched.Task, dirty bool) {
	t.Writes(f.obj)
	f.pins--
	if f.home.DAX {
		t.Writes(f.home.idle.Obj())
		f.home.idle.Wake()
		return
	}
	if dirty && f.mapping != nil && !f.dirty && !f.home.Mutants.Has(mutant.UnpinKeepsClean) {
		f.mapping.Host.DirtyFolio(t, f)
	}
}
