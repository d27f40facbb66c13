package refengine

import (
	"fmt"
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// A copy between a file and a mapping declares both sides in every step that it takes: pages of the mapping come one by one, and the
// other side may change in between. So does a request whose memory is a mapping, where it is carried out.
func TestCopiesDeclareBothSides(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config Config
		main   func(*world, *sched.Task) string
		finals int // there are at least as many final states
	}{
		"read into a mapping":      {Config{FS: "ext4"}, readIntoMappingBesideStore, 2},
		"write from a mapping":     {Config{FS: "ext4"}, writeFromMappingBesideLoad, 3},
		"held write of a mapping":  {Config{FS: "xfs"}, heldWriteOfMappingBesideStore, 2},
		"read beside memory.high":  {Config{FS: "xfs", Memory: Memory{Cgroup: true}}, readBesideHigh, 2},
		"mlock beside reclaim":     {Config{FS: "xfs", Memory: Memory{Cgroup: true}}, mlockBesideReclaim, 2},
		"file made beside another": {Config{FS: "xfs"}, createdTwice, 2},
	} {
		var final string
		a := sched.Audit(t.Context(), sched.Options{Budget: 400, MaxSteps: 1 << 16}, func(s *sched.Sched) {
			final = ""
			start(t, s, c.config, func(w *world, t *sched.Task) { final = c.main(w, t) })
		}, func(r *sched.Result) string { return fmt.Sprint(r.Outcome, " ", final) })
		for _, f := range a.Findings {
			t.Errorf("%s: %s", name, f)
		}
		if a.Finals < c.finals {
			t.Errorf("%s: %d final states, want at least %d", name, a.Finals, c.finals)
		}
		t.Logf("%s: %d final states, %v, %d swaps", name, a.Finals, a.Proof, a.Swaps)
	}
}

// beside runs a body in this task, and another at once.
func beside(t *sched.Task, own, other func(*sched.Task)) {
	o := t.Go("other", other)
	own(t)
	t.Join(o)
}

func readIntoMappingBesideStore(w *world, t *sched.Task) string {
	f, g := w.fileOf(t, page), w.pagesOnDisk(t, "g", 1)
	f.Read(t, make([]byte, page), 0, 0)
	memory := w.presentMemory(t, g, page)
	p := make([]byte, page)
	beside(t, func(t *sched.Task) { f.ReadBuffer(t, memory, 0, 0) }, func(t *sched.Task) { f.Write(t, fill('n', page), 0, 0) })
	g.Read(t, p, 0, 0)
	return brief(p)
}

// presentMemory is a mapping of the calling task's with every page present.
func (w *world) presentMemory(t *sched.Task, f *File, n int64) Buffer {
	f.Store(t, fill('m', int(n)), 0)
	return f.Memory(t, 0, n)
}

func writeFromMappingBesideLoad(w *world, t *sched.Task) string {
	f, g := w.fileOf(t, page), w.pagesOnDisk(t, "g", 2)
	f.Read(t, make([]byte, page), 0, 0)
	memory := w.presentMemory(t, g, 2*page).Slice(page/2, page) // two loads for one folio
	p := make([]byte, page)
	beside(t, func(t *sched.Task) { f.WriteBuffer(t, memory, 0, 0) }, func(t *sched.Task) { f.Read(t, p, 0, 0) })
	return brief(p)
}

func heldWriteOfMappingBesideStore(w *world, t *sched.Task) string {
	f, g := w.fileOf(t, page), w.pagesOnDisk(t, "g", 1)
	g.Store(t, fill('s', page), 0)
	writer := w.holdWrites(t, "writer", func(t *sched.Task) { f.DirectWriteBuffer(t, w.presentMemory(t, g, page), 0, 0) })
	storer := t.Go("storer", func(t *sched.Task) { g.Store(t, fill('t', page), 0) })
	w.m.Disk().Release(t, block.Everything())
	t.Join(writer)
	t.Join(storer)
	return w.auditedEnd(t, f, nil)
}

func readBesideHigh(w *world, t *sched.Task) string {
	f := w.pagesOnDisk(t, "f", 2)
	f.Load(t, make([]byte, 1), 0)
	w.m.SetMemory(t, page, 0)
	beside(t, func(t *sched.Task) { f.Load(t, make([]byte, 1), 0) }, func(t *sched.Task) { f.Load(t, make([]byte, 1), page) })
	return fmt.Sprint(f.Resident(t, 0, 2*page), w.m.MemoryEvents())
}

func mlockBesideReclaim(w *world, t *sched.Task) string {
	f := w.pagesOnDisk(t, "f", 1)
	f.Load(t, make([]byte, 1), 0)
	var err Errno
	beside(t, func(t *sched.Task) { f.Mlock(t, 0, page) }, func(t *sched.Task) { err = w.m.Reclaim(t, page) })
	return fmt.Sprint(f.Resident(t, 0, page), err)
}

func createdTwice(w *world, t *sched.Task) string {
	var errs [2]Errno
	beside(t, func(t *sched.Task) { _, errs[0] = w.m.Create(t, "f") }, func(t *sched.Task) { _, errs[1] = w.m.Create(t, "f") })
	return fmt.Sprint(errs, len(w.m.inodes))
}
