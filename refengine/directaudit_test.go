package refengine

import (
	"fmt"
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// The direct paths declare what they touch: steps that declare nothing in common can be swapped, and DPOR reaches every final state.
func TestDirectPathsDeclareWhatTheyTouch(t *testing.T) {
	t.Parallel()
	plain := fs.Options{NoDatasum: true}
	for _, c := range []Config{
		{FS: "xfs"}, {FS: "xfs", Release: "7.2"}, {FS: "btrfs", FSOptions: plain}, {FS: "btrfs", FSOptions: plain, Release: "7.2"}, {FS: "bcachefs"},
	} {
		for name, main := range map[string]func(*world, *sched.Task) string{
			"write beside read": auditedWriteBesideRead, "two asynchronous writes": auditedAsyncWrites, "write beside store": auditedWriteBesideStore,
			"absent memory": auditedAbsentMemory,
		} {
			var final string
			a := sched.Audit(t.Context(), sched.Options{Budget: 300, MaxSteps: 1 << 16}, func(s *sched.Sched) {
				final = ""
				start(t, s, c, func(w *world, t *sched.Task) { final = main(w, t) })
			}, func(r *sched.Result) string { return fmt.Sprint(r.Outcome, " ", final) })
			for _, f := range a.Findings {
				t.Errorf("%s %s, %s: %s", c.FS, c.Release, name, f)
			}
			t.Logf("%s %s, %s: %d final states, %v, %d swaps", c.FS, c.Release, name, a.Finals, a.Proof, a.Swaps)
		}
	}
}

// auditedEnd is what a file's cache and a direct read show, in a form for comparison.
func (w *world) auditedEnd(t *sched.Task, f *File, seen []byte) string {
	cached, direct := make([]byte, f.Size()), make([]byte, f.Size())
	f.Read(t, cached, 0, 0)
	f.DirectRead(t, direct, 0, 0)
	return brief(seen) + " " + brief(cached) + " " + brief(direct) + " " + f.Fsync(t).String()
}

func auditedWriteBesideRead(w *world, t *sched.Task) string {
	f, seen := w.fileOf(t, page), make([]byte, page)
	writer := t.Go("writer", func(t *sched.Task) { f.DirectWrite(t, fill('n', page), 0, 0) })
	reader := t.Go("reader", func(t *sched.Task) { f.Read(t, seen, 0, 0) })
	t.Join(writer)
	t.Join(reader)
	return w.auditedEnd(t, f, seen)
}

func auditedAsyncWrites(w *world, t *sched.Task) string {
	f := w.fileOf(t, page)
	a := f.SubmitWrite(t, fill('a', page), 0, 0)
	b := f.SubmitWrite(t, fill('b', page), page, 0)
	a.Reap(t)
	b.Reap(t)
	return w.auditedEnd(t, f, nil)
}

func auditedWriteBesideStore(w *world, t *sched.Task) string {
	f := w.fileOf(t, page)
	f.Load(t, make([]byte, 1), 0)
	writer := t.Go("writer", func(t *sched.Task) { f.DirectWrite(t, fill('n', page), 0, 0) })
	storer := t.Go("storer", func(t *sched.Task) { f.Store(t, fill('s', 100), 0) })
	t.Join(writer)
	t.Join(storer)
	return w.auditedEnd(t, f, nil)
}

func auditedAbsentMemory(w *world, t *sched.Task) string {
	f := w.fileOf(t, 2*page)
	b := mm.Faulting(t.Sched(), fill('n', 2*page), func(*sched.Task, int64, bool) bool { return true })
	h := w.m.Disk().Hold(block.Match{Ops: block.Flushes})
	writer := t.Go("writer", func(t *sched.Task) { f.DirectWriteBuffer(t, b, 0, 0) })
	reader := t.Go("reader", func(t *sched.Task) { f.DirectRead(t, make([]byte, page), 0, 0) })
	t.Join(writer)
	t.Join(reader)
	w.m.Disk().StopHolding(h)
	return w.auditedEnd(t, f, nil)
}
