package compare

import (
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// span is one execution of an operation. Times are in nanoseconds; end is -1 where it never returned.
type span struct {
	task       string
	op, iter   int
	begin, end int64
	n          int64
	errno      string
	blocked    bool // it was seen asleep
}

// spansOf pairs the beginnings and ends of operations.
func spansOf(h *history.History) []span {
	type key struct {
		task     string
		op, iter int
	}
	var all []span
	open := map[key]int{}
	for _, e := range h.Events {
		k := key{e.Task, e.Op, e.Iter}
		switch i, isOpen := open[k]; {
		case e.Kind == history.Invoke:
			open[k] = len(all)
			all = append(all, span{task: e.Task, op: e.Op, iter: e.Iter, begin: e.Time, end: -1})
		case e.Kind == history.Return && isOpen:
			all[i].end, all[i].n, all[i].errno = e.Time, e.N, e.Errno
			delete(open, k)
		case e.Kind == history.Blocked && isOpen:
			all[i].blocked = true
		}
	}
	return all
}

// latencies are those of data operations that succeeded while no request was held and that were not seen asleep.
func latencies(p prog.Program, h *history.History) []Latency {
	steps, held := p.Steps(), heldTimes(h)
	var out []Latency
	for _, s := range spansOf(h) {
		if s.op < 0 || s.op >= len(steps) || s.end < 0 || s.errno != "" || s.blocked || s.iter > 0 {
			continue
		}
		op := steps[s.op].Op
		meets := func(t [2]int64) bool { return t[0] < s.end && t[1] > s.begin }
		if !op.Verb.IsData() || op.Expect.MayBlock || slices.ContainsFunc(held, meets) {
			continue
		}
		out = append(out, Latency{Op: s.op, Verb: op.Verb, Nanoseconds: s.end - s.begin})
	}
	return out
}

// heldTimes are the times in which a request was held.
func heldTimes(h *history.History) [][2]int64 {
	const forever = 1 << 62
	var out [][2]int64
	since := map[int64]int{}
	for _, e := range h.Of(history.Disk) {
		switch i, is := since[e.Request]; {
		case e.What == history.Held:
			since[e.Request] = len(out)
			out = append(out, [2]int64{e.Time, forever})
		case e.What == history.Released && is:
			out[i][1] = e.Time
		}
	}
	return out
}
