package mm

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// Load copies from the mapping as a task's loads would, page by page, faulting where it must. EFAULT stands for SIGBUS:
// beyond the end of the file, or a read error; ENOMEM for a fault that the memory cgroup refused. It returns the bytes copied
// before it.
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
		if got := v.touch(t, pos+done, n-done, write, func(mem []byte) { touch(mem, done) }); got > 0 {
			done += got
			continue
		}
		if err := v.fault(t, IndexOf(pos+done), write); err != errno.OK {
			return done, err
		}
	}
	return n, errno.OK
}

// walk is access for the kernel's copies: with nofault it stops at a page that is not present.
func (v *VMA) walk(t *sched.Task, pos, n int64, write, nofault bool, touch func(mem []byte, done int64)) int64 {
	if !nofault {
		done, _ := v.access(t, pos, n, write, touch)
		return done
	}
	for done := int64(0); done < n; {
		got := v.touch(t, pos+done, n-done, write, func(mem []byte) { touch(mem, done) })
		if got == 0 {
			return done
		}
		done += got
	}
	return n
}

// touch is one access to the page that holds pos, of at most n bytes; 0 says that the page table does not allow it.
func (v *VMA) touch(t *sched.Task, pos, n int64, write bool, do func(mem []byte)) int64 {
	t.Step(accessName(write), 0)
	e := v.lookup(t, IndexOf(pos))
	if e == nil || (write && !e.writable) {
		return 0
	}
	if write {
		t.Writes(e.f.obj)
	} else {
		t.Reads(e.f.obj)
	}
	from := pos - e.i.Pos()
	n = min(n, PageSize-from)
	do(e.page()[from : from+n])
	return n
}

func accessName(write bool) string {
	if write {
		return "store"
	}
	return "load"
}

// fault handles a page fault (handle_mm_fault), and afterwards, without mmap_lock, what the task owes for the page that it has made
// dirty (fault_dirty_shared_page).
func (v *VMA) fault(t *sched.Task, i Index, write bool) errno.Errno {
	v.space.MmapLock.RLock(t)
	err := v.handle(t, i, write)
	v.space.MmapLock.RUnlock(t)
	if write && err == errno.OK {
		v.m.Memcg.BalanceDirty(t, false)
	}
	return err
}

// handle brings the folio in; for a store it then asks the filesystem, with the folio unlocked first (do_shared_fault,
// wp_page_shared). The page table is filled while the folio is locked.
func (v *VMA) handle(t *sched.Task, i Index, write bool) errno.Errno {
	if v.m.DAX {
		return v.daxFault(t, i, write)
	}
	var f *Folio
	if e := v.lookup(t, i); e != nil {
		f = e.f
	} else {
		v.m.emit(t, trace.Event{Name: trace.FilemapFault, Pos: i.Pos(), End: i.Pos() + PageSize})
		var err errno.Errno
		if f, err = v.m.Host.Fault(t, v.m, i); err != errno.OK {
			return err
		}
		if !write {
			v.set(t, pte{i, f, false})
		}
		f.Get(t)
		f.Unlock(t)
		f.Put(t)
	}
	if !write {
		return errno.OK
	}
	return v.mkwrite(t, i, f)
}

// mkwrite is do_page_mkwrite with what follows it.
func (v *VMA) mkwrite(t *sched.Task, i Index, f *Folio) errno.Errno {
	v.m.emit(t, trace.Event{Name: trace.PageMkwrite, Pos: i.Pos(), End: i.Pos() + PageSize})
	f.Get(t)
	defer f.Put(t)
	err := v.m.Host.PageMkwrite(t, f)
	if err == errno.EAGAIN {
		return errno.OK
	}
	if err == errno.OK {
		v.set(t, pte{i, f, true})
		f.Unlock(t)
	}
	return err
}

// pin pins the pages of [pos, pos+n) and adds them to p (gup_fast, and __get_user_pages where a page is not there).
func (v *VMA) pin(t *sched.Task, pos, n int64, write, nofault bool, p *Pins) int64 {
	for done := int64(0); done < n; {
		if len(p.folios) == 0 && v.m.refusesPins(t) {
			v.m.refuse.WaitZero(t, "dax_layout_break")
		}
		got := v.pinPage(t, pos+done, n-done, write, p)
		if got == 0 && (nofault || v.fault(t, IndexOf(pos+done), write) != errno.OK) {
			return done
		}
		done += got
	}
	return n
}

// pinPage pins the page that holds pos; 0 says that the page table does not allow it.
func (v *VMA) pinPage(t *sched.Task, pos, n int64, write bool, p *Pins) int64 {
	t.Step("gup_fast", 0)
	if len(p.folios) == 0 && v.m.refusesPins(t) {
		return 0
	}
	e := v.lookup(t, IndexOf(pos))
	if e == nil || (write && !e.writable) {
		return 0
	}
	t.Writes(e.f.obj)
	e.f.pins++
	from := pos - e.i.Pos()
	n = min(n, PageSize-from)
	p.segments = append(p.segments, e.page()[from:from+n])
	p.folios = append(p.folios, e.f)
	return n
}
