package refengine

import (
	"fmt"
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// stream is a truncate of a DAX file against tasks that write from its pages to another file, one request each in flight,
// as in the review of xfs_break_dax_layouts.
type stream struct {
	w        *world
	began    bool // the truncate
	overtook int  // requests submitted since then that completed before it returned
}

const (
	streamTasks    = 3
	streamRequests = 12 // by each task
)

// run returns when the truncate has. The oldest request in flight is let go whenever nothing else can go on, so that there is always
// another one in flight if a new one can be submitted at all.
func (s *stream) run(t *sched.Task) {
	f, g := s.w.daxFile(t, "f", 1), s.w.pagesOnDisk(t, "g", streamTasks)
	s.w.m.Disk().Hold(block.Match{Ops: block.Writes})
	var tasks []*sched.Task
	for i := range streamTasks {
		tasks = append(tasks, t.Go("direct", func(t *sched.Task) { s.submitter(t, f, g, int64(i)*page) }))
	}
	s.w.m.Disk().AwaitHeld(t, streamTasks)
	s.began = true
	shrink := t.Go("truncate", func(t *sched.Task) {
		f.Truncate(t, 0)
		s.began = false
	})
	for {
		if _, blocked := t.AwaitBlocked(shrink); !blocked {
			break
		}
		s.w.m.Disk().Release(t, block.Oldest(1))
	}
	s.w.releaseAll(t)
	for _, o := range tasks {
		t.Join(o)
	}
}

func (s *stream) submitter(t *sched.Task, f, g *File, off int64) {
	for range streamRequests {
		late := s.began
		n, _ := s.w.directFrom(t, g, off, f.Memory(t, 0, page))
		if late && s.began && n == page {
			s.overtook++
		}
	}
}

// Fifth seed: what truncate gives up while it waits decides whether a stream of direct I/O starves it. The bound is a count: it must return
// before as many requests that were submitted after it began have completed as there are submitters.
func TestTruncateOfDAXFileGetsPastAStreamOfDirectIO(t *testing.T) {
	for how, starves := range map[iomap.DAXLayouts]bool{
		iomap.DAXByRelease: true, iomap.DAXDropsAll: true, iomap.DAXDropsMmap: true, iomap.DAXKeepsLocks: false, iomap.DAXAdmits: false,
	} {
		for _, name := range []string{"xfs", "ext4"} {
			worst := 0
			r, wrong, _ := situation(t, Config{FS: name, Behaviour: iomap.Behaviour{DAXLayouts: how}}, sched.NewRandom(1), 40,
				func(w *world, t *sched.Task) {
					s := &stream{w: w}
					s.run(t)
					worst = max(worst, s.overtook)
				})
			if r != nil {
				t.Errorf("%s %d: %v %q", name, how, r, wrong)
			}
			if (worst >= streamTasks) != starves {
				t.Errorf("%s %d: truncate was overtaken %d times", name, how, worst)
			}
			t.Logf("%s %d: overtaken %d times", name, how, worst)
		}
	}
}

// Keeping both locks is no answer: a request that faults with a page pinned waits for truncate, and truncate for the page. Letting those through
// that hold pins is one.
func TestTruncateThatKeepsItsLocksDeadlocksWithHalfPinnedRequest(t *testing.T) {
	t.Parallel()
	for how, deadlocks := range map[iomap.DAXLayouts]bool{
		iomap.DAXDropsAll: false, iomap.DAXDropsMmap: false, iomap.DAXKeepsLocks: true, iomap.DAXAdmits: false,
	} {
		c := Config{FS: "xfs", Behaviour: iomap.Behaviour{DAXLayouts: how}}
		r, wrong, _ := situation(t, c, sched.NewRandom(1), 4000, truncateBesidePins)
		if (r != nil && r.Outcome == sched.Deadlock) != deadlocks || len(wrong) > 0 {
			t.Errorf("%d: %v %q", how, r, wrong)
		}
	}
}

// What DAX touches in a step is declared there: steps that declare nothing in common commute.
func TestDAXStepsDeclareWhatTheyTouch(t *testing.T) {
	type op = func(w *world, t *sched.Task, f, g *File) (int64, Errno)
	write := func(_ *world, t *sched.Task, f, _ *File) (int64, Errno) { return f.Write(t, fill('w', page), 0, 0) }
	load := func(_ *world, t *sched.Task, f, _ *File) (int64, Errno) { return f.Load(t, make([]byte, 1), 0) }
	store := func(_ *world, t *sched.Task, f, _ *File) (int64, Errno) { return f.Store(t, []byte{'s'}, 0) }
	direct := func(w *world, t *sched.Task, f, g *File) (int64, Errno) {
		return w.directFrom(t, g, 0, f.Memory(t, 0, page))
	}
	shrink := func(_ *world, t *sched.Task, f, _ *File) (int64, Errno) { return 0, f.Truncate(t, 0) }
	for name, ops := range map[string][2]op{
		"write, load": {write, load}, "store, load": {store, load}, "store, truncate": {store, shrink}, "direct, store": {direct, store},
		"direct, truncate": {direct, shrink}, "write, store": {write, store}, "write, truncate": {write, shrink},
	} {
		digest := ""
		a := sched.Audit(t.Context(), sched.Options{Budget: 200}, func(s *sched.Sched) {
			digest = ""
			start(t, s, Config{FS: "xfs"}, func(w *world, t *sched.Task) {
				f, g := w.daxFile(t, "f", 1), w.pagesOnDisk(t, "g", 1)
				outs := [2]string{}
				var tasks [2]*sched.Task
				for i, o := range ops {
					tasks[i] = t.Go("task", func(t *sched.Task) {
						n, err := o(w, t, f, g)
						outs[i] = fmt.Sprint(n, err)
					})
				}
				t.Join(tasks[0])
				t.Join(tasks[1])
				p, q := make([]byte, 1), make([]byte, 1)
				f.Read(t, p, 0, 0)
				g.Read(t, q, 0, 0)
				digest = fmt.Sprint(outs, f.Size(), p, q)
			})
		}, func(*sched.Result) string { return digest })
		if len(a.Findings) > 0 {
			t.Errorf("%s: %v, %d swaps: %q", name, a.Proof, a.Swaps, a.Findings)
		}
		t.Logf("%s: %v, %d final states, %d swaps", name, a.Proof, a.Finals, a.Swaps)
	}
}

// truncateOfPinned: the blocks of a DAX file must not become another file's while a direct write from them is in flight.
func truncateOfPinned(w *world, t *sched.Task) {
	f, g := w.daxFile(t, "f", 1), w.pagesOnDisk(t, "g", 1)
	h, _ := w.m.Create(t, "h")
	h.ino.SetDAX()
	direct := w.holdWrites(t, "direct", func(t *sched.Task) { w.directFrom(t, g, 0, f.Memory(t, 0, page)) })
	shrink := t.Go("truncate", func(t *sched.Task) {
		f.Truncate(t, 0)
		h.Write(t, fill('h', page), 0, 0)
	})
	t.AwaitBlocked(shrink)
	w.releaseAll(t)
	t.Join(direct)
	t.Join(shrink)
	p := make([]byte, page)
	g.DirectRead(t, p, 0, 0)
	w.check(w.is(p, 'o'), "the direct write wrote another file's bytes")
}

// truncateOfTwoPinned: two requests have a page each, and end one after the other.
func truncateOfTwoPinned(w *world, t *sched.Task) {
	f, g := w.daxFile(t, "f", 2), w.pagesOnDisk(t, "g", 2)
	h, _ := w.m.Create(t, "h")
	h.ino.SetDAX()
	w.m.Disk().Hold(block.Match{Ops: block.Writes})
	var direct [2]*sched.Task
	for i := range direct {
		off := int64(i * page)
		direct[i] = t.Go("direct", func(t *sched.Task) { w.directFrom(t, g, off, f.Memory(t, off, page)) })
		w.m.Disk().AwaitHeld(t, i+1)
	}
	w.m.Disk().StopHolding(0)
	shrink := t.Go("truncate", func(t *sched.Task) {
		f.Truncate(t, 0)
		h.Write(t, fill('h', 2*page), 0, 0)
	})
	t.AwaitBlocked(shrink)
	w.m.Disk().Release(t, block.Oldest(1))
	t.AwaitBlocked(shrink)
	w.releaseAll(t)
	t.Join(direct[0])
	t.Join(direct[1])
	t.Join(shrink)
	p := make([]byte, 2*page)
	g.DirectRead(t, p, 0, 0)
	w.check(w.is(p, 'o'), "the direct write wrote another file's bytes")
}

// truncateBesidePins: a direct write needs two pages, of which it has to fault the second while it has the first.
func truncateBesidePins(w *world, t *sched.Task) {
	f, g := w.daxFile(t, "f", 2), w.pagesOnDisk(t, "g", 2)
	direct := t.Go("direct", func(t *sched.Task) { w.directFrom(t, g, 0, f.Memory(t, 0, 2*page)) })
	f.Truncate(t, 0)
	t.Join(direct)
}

func holeBecomesData(w *world, t *sched.Task) {
	f := w.daxFile(t, "f", 1)
	f.Truncate(t, 2*page)
	w.byteLoads(t, f, page, 0, "hole")
	f.Write(t, fill('n', page), page, 0)
	w.byteLoads(t, f, page, 'n', "the zero page is still mapped")
}

// The views of a DAX file agree too, whatever is done to it.
func TestEveryWayToReadAgreesAtQuiescenceOnDAX(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"xfs", "ext4"} {
		c := Config{FS: name, FSOptions: fs.Options{DAX: true}}
		kinds := append(dataKinds(), "truncate", "punch", "zero", "falloc")
		_, runs := exploreToys(t, c, 60, kinds, func(s uint64) sched.Strategy { return sched.NewRandom(s) }, 20)
		t.Logf("%s: %d executions", name, runs)
	}
}

func TestDAXIsRefusedWhereItCannotBe(t *testing.T) {
	for _, c := range []Config{{FS: "btrfs", FSOptions: fs.Options{DAX: true}}, {FS: "xfs", BlockSize: 1024, FSOptions: fs.Options{DAX: true}}} {
		if _, err := New(sched.New(), c); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
}
