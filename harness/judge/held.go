package judge

import (
	"cmp"
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// held is the time for which the disk held a request.
type held struct {
	event    history.Event
	from, to int64
	open     bool // never let go
}

// holds lists the requests that the disk held, in the order in which it did.
func (r *run) holds() []held {
	var out []held
	last := map[int64]int{}
	for _, e := range r.history.Of(history.Disk) {
		i, ok := last[e.Request]
		switch {
		case e.What == history.Held && !ok:
			last[e.Request] = len(out)
			out = append(out, held{event: e, from: e.Time, open: true})
		case ok && e.What != history.Held && out[i].open:
			out[i].to, out[i].open = e.Time, false
		}
	}
	return out
}

// awaitedHolds is when something was held by the program's word, where the disk recorded nothing: from the return of an await of
// held requests until a release began.
func (r *run) awaitedHolds() []held {
	var out []held
	for _, c := range r.calls {
		holding := len(out) > 0 && out[len(out)-1].open
		switch {
		case c.step.Op.Verb == prog.VAwaitHeld && c.succeeded() && !holding:
			out = append(out, held{from: c.retTime, open: true})
		case c.step.Op.Verb == prog.VRelease && holding:
			out[len(out)-1].to, out[len(out)-1].open = c.invTime, false
		}
	}
	return out
}

// heldAtEnd says whether the disk still held a request when the target first gave up on a task: by the disk's events up to
// then; where it recorded none held, because the program awaited held requests and released none since.
func (r *run) heldAtEnd() bool {
	hangs := r.history.Of(history.Hang)
	ever, held := false, map[int64]bool{}
	for _, e := range r.history.Of(history.Disk) {
		if len(hangs) > 0 && e.Time > hangs[0].Time+r.history.Header.ClockError {
			continue
		}
		if e.What == history.Held {
			ever, held[e.Request] = true, true
		} else {
			delete(held, e.Request)
		}
	}
	if ever {
		return len(held) > 0
	}
	awaited := r.awaitedHolds()
	return len(awaited) > 0 && awaited[len(awaited)-1].open
}

// hungAfter is how long the program must have held requests, in nanoseconds, for the kernel to report a task that waits for them:
// less than the guest's hung_task_timeout_secs, since the clocks differ.
const hungAfter = 15e9

// heldLong says whether something was held for so long without a break, be it one request after the other: a task can wait for a
// lock whose holders wait for these.
func (r *run) heldLong() bool {
	list := r.holds()
	if len(list) == 0 {
		list = r.awaitedHolds()
	}
	slices.SortStableFunc(list, func(a, b held) int { return cmp.Compare(a.from, b.from) })
	end := r.lastTime()
	var from, to int64
	for i, h := range list {
		if h.open {
			h.to = end
		}
		if i == 0 || h.from > to {
			from, to = h.from, h.to
		}
		if to = max(to, h.to); to-from >= hungAfter {
			return true
		}
	}
	return false
}

// lastTime is the time of the latest event.
func (r *run) lastTime() int64 {
	var last int64
	for _, e := range r.history.Events {
		last = max(last, e.Time)
	}
	return last
}
