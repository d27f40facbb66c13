package judge

import (
	"fmt"
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// callKey names a call that is under way: an operation and its repetition. The operation implies the task.
type callKey struct{ op, iter int }

// collector makes calls of invocations and returns.
type collector struct {
	*run
	open map[callKey]*call
	seen map[int]bool // operations that have begun
	// busy is the call that keeps each task from starting another, last the time of each task's last event.
	busy map[string]*call
	last map[string]int64
}

// collect pairs invocations with returns; the error is about the event whose index it returns.
func (r *run) collect() (int, error) {
	c := collector{r, map[callKey]*call{}, map[int]bool{}, map[string]*call{}, map[string]int64{}}
	rank := ranks(r.history.Events)
	for i, e := range r.history.Events {
		var err error
		switch e.Kind {
		case history.Invoke:
			err = c.invoke(e, rank[i])
		case history.Return:
			err = c.ret(e, rank[i])
		case history.Final:
			r.finals = append(r.finals, e)
		}
		if err != nil {
			return i, err
		}
	}
	slices.SortFunc(r.calls, func(a, b *call) int { return a.inv - b.inv })
	for _, c := range r.calls {
		r.byOp[c.step.N] = append(r.byOp[c.step.N], c)
	}
	return 0, nil
}

// apart says whether an operation runs beside its task, which goes on meanwhile: then its events may be listed late.
func apart(s prog.Step) bool { return isFlow(s.Op.Verb) || s.Op.Expect.MayBlock }

// tick checks that a task's time does not run backwards.
func (c *collector) tick(e history.Event) error {
	if apart(c.steps[e.Op]) {
		return nil
	}
	if last, ok := c.last[e.Task]; ok && e.Time < last {
		return fmt.Errorf("time of task %s goes back from %d to %d", e.Task, last, e.Time)
	}
	c.last[e.Task] = e.Time
	return nil
}

func (c *collector) invoke(e history.Event, rank int) error {
	key, step := callKey{e.Op, e.Iter}, c.steps[e.Op]
	// In nested loops a repetition's number may come again, but not while it is under way.
	if c.open[key] != nil || c.seen[e.Op] && !step.InLoop {
		return fmt.Errorf("op %d iteration %d begins twice", e.Op, e.Iter)
	}
	call := &call{step: step, iter: e.Iter, inv: rank, ret: never, invTime: e.Time}
	if !apart(step) {
		if b := c.busy[e.Task]; b != nil {
			return fmt.Errorf("task %s begins op %d while it is in op %d", e.Task, e.Op, b.step.N)
		}
		c.busy[e.Task] = call
	}
	c.seen[e.Op], c.open[key] = true, call
	c.calls = append(c.calls, call)
	return c.tick(e)
}

func (c *collector) ret(e history.Event, rank int) error {
	key := callKey{e.Op, e.Iter}
	call := c.open[key]
	if call == nil {
		return fmt.Errorf("op %d iteration %d returns without having begun", e.Op, e.Iter)
	}
	if e.Time < call.invTime {
		return fmt.Errorf("op %d returns at %d, before it began at %d", e.Op, e.Time, call.invTime)
	}
	delete(c.open, key)
	if c.busy[e.Task] == call {
		delete(c.busy, e.Task)
	}
	call.ret, call.retTime, call.n, call.errno, call.data = rank, e.Time, e.N, e.Errno, e.Data
	if err := c.tick(e); err != nil {
		return err
	}
	return checkReturn(call)
}

// checkReturn checks that a call's count and content fit together. A load has content but need not state a count.
func checkReturn(c *call) error {
	v := c.step.Op.Verb
	if v == prog.VLoad && c.n == 0 {
		c.n = c.data.Len()
	}
	content := v.Reads() && !v.Submits() && v != prog.VReap
	if (len(c.data) > 0 || content && c.errno == "") && c.data.Len() != c.n {
		return fmt.Errorf("op %d returned %d bytes with content of %d", c.step.N, c.n, c.data.Len())
	}
	return nil
}
