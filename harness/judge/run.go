package judge

import (
	"fmt"
	"math"
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// run is one execution with the indexes that the rules need. It is complete once open returns; the rules add notes only.
type run struct {
	program prog.Program
	history *history.History
	steps   []prog.Step // by number
	names   []string    // of the program's files
	calls   []*call     // in the order in which they began
	byOp    map[int][]*call
	// reaped is the call that reaped a submission, submitted the other way.
	reaped, submitted map[*call]*call
	// finals are the contents and fsyncs after the run, in order.
	finals []history.Event
	notes  []string
	// cut is the power cut, nil where there was none.
	cut *call
	// built and wrong are what files found out, nil before it was asked.
	built map[string]*file
	wrong *Result
}

// never is the rank of a return that did not happen: after everything.
const never = math.MaxInt

// call is one invocation of an operation with its return.
type call struct {
	step prog.Step
	iter int
	// inv and ret are places in the order of all events; ret is never for a call that did not return.
	inv, ret int
	// invTime and retTime are on the tasks' clock, in the target's unit; retTime is 0 for a call that did not return.
	invTime, retTime int64
	n                int64
	errno            string
	data             prog.Content
	// lost: it was under way when the power was cut, and never returned.
	lost bool
}

func (c *call) returned() bool { return c.ret != never }

// stuck says whether the call has neither returned nor ended with the machine.
func (c *call) stuck() bool { return !c.returned() && !c.lost }

// succeeded says whether the call returned without an error.
func (c *call) succeeded() bool { return c.returned() && c.errno == "" }

// isFlow says whether an operation runs others, so that it is under way while they are.
func isFlow(v prog.Verb) bool { return v == prog.VGo || v == prog.VRepeat || v == prog.VUntil }

func isAwait(v prog.Verb) bool { return v == prog.VAwaitHeld || v == prog.VAwaitBlocked }

// note adds a line for the reader, once.
func (r *run) note(format string, args ...any) {
	if n := oneLine(fmt.Sprintf(format, args...)); !slices.Contains(r.notes, n) {
		r.notes = append(r.notes, n)
	}
}

// byReturn lists the calls that returned, in the order in which they did: what is seen first is the cause of what is seen
// later.
func (r *run) byReturn() []*call {
	var out []*call
	for _, c := range r.calls {
		if c.returned() {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b *call) int { return a.ret - b.ret })
	return out
}

// ended says whether the target says that the run is over: it read the files afterwards, or gave up on a task.
func (r *run) ended() bool {
	return len(r.finals) > 0 || slices.ContainsFunc(r.history.Events, func(e history.Event) bool { return e.Kind == history.Hang })
}

// source is the operation whose range and fill a call is about: for a reap that of its submission.
func (r *run) source(c *call) prog.Op {
	if s := r.submitted[c]; s != nil {
		return s.step.Op
	}
	return c.step.Op
}

// pairAIO connects each submission with the first reap of its request that returned.
func (r *run) pairAIO() {
	type request struct{ task, name string }
	open := map[request]*call{}
	for _, c := range r.calls {
		if c.step.Op.Verb.Submits() {
			open[request{c.step.Task, c.step.Op.AIO}] = c
		}
		if c.step.Op.Verb != prog.VReap || !c.returned() {
			continue
		}
		if s := open[request{c.step.Task, c.step.Op.AIO}]; s != nil && r.reaped[s] == nil && s.inv < c.inv {
			r.reaped[s], r.submitted[c] = c, s
		}
	}
}

// ranks orders events by time, those of the same time as the history lists them; the result is each event's place.
func ranks(events []history.Event) []int {
	order := make([]int, len(events))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch ta, tb := events[a].Time, events[b].Time; {
		case ta < tb:
			return -1
		case ta > tb:
			return 1
		}
		return 0
	})
	rank := make([]int, len(events))
	for place, i := range order {
		rank[i] = place
	}
	return rank
}
