package mm

import "github.com/iomapcheck/iomapcheck/refengine/sched"

// guard is the page table of anonymous memory whose pages are not all present.
type guard struct {
	obj     sched.ObjID
	present []bool // by page
	resolve func(t *sched.Task, off int64, write bool) bool
}

// Guarded returns anonymous memory whose pages from byte from on cannot be accessed (PROT_NONE): an access is EFAULT. The
// memory begins at a page; from is a multiple of PageSize.
func Guarded(s *sched.Sched, p []byte, from int64) Buffer {
	return Faulting(s, p, func(_ *sched.Task, off int64, _ bool) bool { return off < from })
}

// Faulting returns anonymous memory of which no page is present. The first access to a page faults, and calls resolve, in the place
// of userfaultfd's handler, with the byte offset of the page and whether the access is a write: resolve may fill the page,
// may wait, and says whether it is present from then on. false is EFAULT, and the next access faults again. resolve is
// called in the task that faults, without a lock but what its caller holds. The memory begins at a page.
func Faulting(s *sched.Sched, p []byte, resolve func(t *sched.Task, off int64, write bool) bool) Buffer {
	g := &guard{present: make([]bool, roundUp(int64(len(p)), PageSize)/PageSize), resolve: resolve}
	g.obj = s.NewObj(sched.Label{Class: "user memory"})
	return Buffer{mem: p, guard: g, n: int64(len(p))}
}

// Evict makes the pages of [off, off+n) of a faulting buffer absent again (swap, MADV_DONTNEED); the bytes stay. It does
// nothing to other memory.
func (b Buffer) Evict(t *sched.Task, off, n int64) {
	if b.guard == nil || n <= 0 {
		return
	}
	t.Step("zap_page_range", b.guard.obj)
	for i := IndexOf(b.pos + off); i <= IndexOf(b.pos+off+n-1); i++ {
		b.guard.present[i] = false
	}
}

// access says whether the page that holds byte at is present, after its fault if that is allowed.
func (g *guard) access(t *sched.Task, at int64, write, nofault bool) bool {
	i := IndexOf(at)
	t.Step(accessName(write), 0)
	t.Reads(g.obj)
	if g.present[i] || nofault {
		return g.present[i]
	}
	if !g.resolve(t, i.Pos(), write) {
		return false
	}
	t.Step("handle_mm_fault", g.obj)
	g.present[i] = true
	return true
}
