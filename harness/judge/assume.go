package judge

import (
	"fmt"
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// maxBytes bounds counts and sizes in a history, in bytes: far above what a program may touch, far below an overflow.
const maxBytes = 1 << 40

// open checks what every rule assumes and builds the run. The result is not nil where the history cannot be judged.
func open(p prog.Program, h *history.History) (*run, *Result) {
	infra := func(format string, args ...any) (*run, *Result) {
		return nil, general(Infra, RuleAssumption, format, args...)
	}
	if err := p.Check(); err != nil {
		return infra("the program cannot be meant: %v", err)
	}
	if err := checkHeader(h); err != nil {
		return infra("history header: %v", err)
	}
	r := &run{program: p, history: h, steps: p.Steps(), names: p.Files(), byOp: map[int][]*call{}, reaped: map[*call]*call{}, submitted: map[*call]*call{}}
	for i, e := range h.Events {
		if err := r.checkEvent(e); err != nil {
			return infra("history event %d (%s): %v", i, e.Kind, err)
		}
	}
	if i, err := r.collect(); err != nil {
		return infra("history event %d (%s): %v", i, h.Events[i].Kind, err)
	}
	r.endAtCut()
	r.pairAIO()
	for s, c := range r.reaped {
		if s.step.Op.Verb.Reads() && c.succeeded() && c.data.Len() != c.n {
			return infra("op %d returned %d bytes with content of %d", c.step.N, c.n, c.data.Len())
		}
	}
	return r, nil
}

func checkHeader(h *history.History) error {
	switch {
	case h == nil:
		return fmt.Errorf("there is no history")
	case h.Header.Target == "" || h.Header.FS == "":
		return fmt.Errorf("want a target and a file system, have %q and %q", h.Header.Target, h.Header.FS)
	case h.Header.ClockError < 0 || h.Header.BlockSize < 0:
		return fmt.Errorf("the clock error %d or the block size %d is negative", h.Header.ClockError, h.Header.BlockSize)
	}
	return nil
}

func kinds() []history.Kind {
	return []history.Kind{history.Invoke, history.Return, history.Blocked, history.Disk, history.Trace, history.Console,
		history.Final, history.Hang, history.Note}
}

// checkEvent checks an event by itself.
func (r *run) checkEvent(e history.Event) error {
	call := e.Kind == history.Invoke || e.Kind == history.Return
	switch {
	case !slices.Contains(kinds(), e.Kind):
		return fmt.Errorf("no such kind of event")
	case e.Op < -1 || e.Op >= len(r.steps) || call && e.Op < 0:
		return fmt.Errorf("the program has no operation %d", e.Op)
	case call && e.Task != r.steps[e.Op].Task:
		return fmt.Errorf("task %q runs op %d, which is %s's", e.Task, e.Op, r.steps[e.Op].Task)
	case e.Iter < 0 || call && e.Iter > 0 && !r.steps[e.Op].InLoop:
		return fmt.Errorf("iteration %d of op %d", e.Iter, e.Op)
	case e.N < 0 || e.N > maxBytes:
		return fmt.Errorf("count %d", e.N)
	case e.Kind == history.Final && !slices.Contains(r.names, e.File):
		return fmt.Errorf("the program names no file %q", e.File)
	}
	return checkContent(e.Data)
}

func checkContent(c prog.Content) error {
	var total int64
	for _, run := range c {
		if run.Len <= 0 || run.Len > maxBytes-total {
			return fmt.Errorf("content run of %d bytes", run.Len)
		}
		total += run.Len
		if _, err := prog.ParseFill(run.Fill, true); err != nil && run.Fill != prog.Garbage {
			return fmt.Errorf("content: %w", err)
		}
	}
	return nil
}
