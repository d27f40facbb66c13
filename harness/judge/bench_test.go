package judge

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// BenchmarkLoops judges 15000 events: a writer and a reader in loops over the same ranges.
func BenchmarkLoops(b *testing.B) {
	p, err := prog.Parse("go w {\nrepeat 2500 {\nwrite f 0 64k a\ndirect-write f 8k 16k b\n}\n}\nrepeat 5000 {\nread f 0 64k\n}\njoin w\n")
	if err != nil {
		b.Fatal(err)
	}
	h := history.History{Header: history.Header{Target: "vm", FS: "xfs"}}
	add := func(e history.Event) {
		e.Time = int64(len(h.Events))
		h.Events = append(h.Events, e)
	}
	whole := prog.Content{{Len: 8 << 10, Fill: "a"}, {Len: 16 << 10, Fill: "b"}, {Len: 40 << 10, Fill: "a"}}
	steps := p.Steps()
	for i := range 5000 {
		w := history.Event{Kind: history.Invoke, Task: "w", Op: 2 + i%2, Iter: i / 2}
		add(w)
		w.Kind, w.N = history.Return, steps[w.Op].Op.Len
		if w.Op == 2 {
			add(w)
		}
		if w.Op == 3 {
			add(w)
			r := history.Event{Kind: history.Invoke, Task: "main", Op: 5, Iter: i / 2}
			add(r)
			r.Kind, r.N, r.Data = history.Return, 64<<10, whole
			add(r)
		}
	}
	for _, e := range []history.Kind{history.Invoke, history.Return} {
		add(history.Event{Kind: e, Task: "main", Op: 6})
	}
	for _, path := range finalPaths() {
		e := history.Event{Kind: history.Final, Op: -1, File: "f", Path: string(path)}
		if path != history.FinalSync {
			e.N, e.Data = 64<<10, whole
		}
		add(e)
	}
	b.ReportMetric(float64(len(h.Events)), "events")
	for b.Loop() {
		if res := Judge(p, &h); res.Verdict != OK {
			b.Fatal(res.Summary())
		}
	}
}
