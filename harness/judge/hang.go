package judge

import (
	"cmp"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// The notes of a target that bear on what did not return: a program that ended early because what it awaited did not come about, and a
// task whose process was killed.
const (
	noteNotProvoked = "not-provoked"
	noteTaskDied    = "task-died"
	// noteMissingEvent has the name of an event that this kernel lacks, and why.
	noteMissingEvent = "missing-event"
)

// hangs is rule 2: tasks that the target gave up on, and kernel operations that never returned though the run is over.
//
// A task that hangs in an await waits for the harness's own situation, not for the kernel. Where requests are held meanwhile,
// operations that sleep may well wait for these, so nothing is shown: unmet says so. A task that only waits for another one
// (join) is never the cause; where nothing else is stuck, the harness is.
func (r *run) hangs() *Result {
	stuck := r.stuck()
	if r.awaiting() && r.heldAtEnd() && !slices.ContainsFunc(stuck, sleeper.awake) {
		return nil
	}
	// What is awake is the cause, whatever else waits.
	slices.SortStableFunc(stuck, func(a, b sleeper) int { return cmp.Compare(boolInt(b.awake()), boolInt(a.awake())) })
	for _, s := range stuck {
		if s.op < 0 || inKernel(r.steps[s.op].Op.Verb) {
			return r.hang(s, stuck)
		}
	}
	if len(stuck) > 0 && !r.awaiting() {
		return about(Infra, RuleHang, r.steps[stuck[0].op], "it never returned, although no operation is in the kernel")
	}
	return nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// inKernel says whether it is the kernel that carries an operation out, even where the harness asks for it.
func inKernel(v prog.Verb) bool { return v.IsData() || v == prog.VRemount || v == prog.VDropCaches }

// sleeper is a task that did not get out of an operation; op is -1 outside of any.
type sleeper struct {
	task  string
	op    int
	where []string
	text  string // what else the target says
	state string // as history.Hang has it
}

// awake says that the task waits for nothing that the program holds: it runs on and on, or the machine as a whole is silent, or
// the harness's own reads after the run are stuck, when nothing is held any more.
func (s sleeper) awake() bool { return s.state == "R" || s.op < 0 }

// stuck lists the tasks that did not get on: by the target's word, then by what never returned.
func (r *run) stuck() []sleeper {
	var out []sleeper
	told := map[int]bool{}
	for _, e := range r.history.Of(history.Hang) {
		out = append(out, sleeper{e.Task, e.Op, e.Where, e.Text, e.Name})
		told[e.Op] = true
	}
	for _, c := range r.calls {
		if r.ended() && !c.returned() && inKernel(c.step.Op.Verb) && !told[c.step.N] && !r.died(c.step.Task) {
			out = append(out, sleeper{task: c.step.Task, op: c.step.N})
		}
	}
	return out
}

func (r *run) hang(s sleeper, all []sleeper) *Result {
	for _, other := range all {
		if other.task != s.task || other.op != s.op {
			r.note("task %s did not get on either%s", other.task, r.place(other))
		}
	}
	if s.op < 0 {
		return general(Hang, RuleHang, "task %s did not end%s%s", s.task, at(s.where), s.more())
	}
	return about(Hang, RuleHang, r.steps[s.op], "task %s never returned%s%s", s.task, at(s.where), s.more())
}

func (s sleeper) more() string {
	if s.text == "" {
		return ""
	}
	return ": " + s.text
}

func (r *run) place(s sleeper) string {
	if s.op < 0 {
		return at(s.where)
	}
	return ": " + r.steps[s.op].Op.Line(s.op) + at(s.where)
}

// at is the top of a stack, innermost function first.
func at(where []string) string {
	if len(where) == 0 {
		return ""
	}
	return ", asleep at " + strings.Join(where[:min(len(where), 4)], " < ")
}

// awaiting says whether a task is still in an await when the run is over.
func (r *run) awaiting() bool {
	for _, c := range r.calls {
		if isAwait(c.step.Op.Verb) && !c.returned() {
			return true
		}
	}
	return false
}

// died says whether the target noted that the task's process was killed.
func (r *run) died(task string) bool {
	for _, e := range r.history.Of(history.Note) {
		if e.Name == noteTaskDied && e.Task == task {
			return true
		}
	}
	return false
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
	holding := false
	for _, c := range r.calls {
		switch {
		case c.step.Op.Verb == prog.VAwaitHeld && c.succeeded():
			holding = true
		case c.step.Op.Verb == prog.VRelease:
			holding = false
		}
	}
	return holding
}

// unmet answers for what the program awaited and what did not come about: nothing was shown.
func (r *run) unmet() *Result {
	for _, e := range r.history.Of(history.Note) {
		if e.Name == noteNotProvoked && e.Op >= 0 {
			return about(Unexercised, RuleWitness, r.steps[e.Op], "it did not come about: %s", e.Text)
		}
	}
	for _, c := range r.calls {
		if isAwait(c.step.Op.Verb) && c.errno != "" {
			return c.on(Unexercised, RuleWitness, "it did not come about: %s", c.errno)
		}
	}
	for _, c := range r.calls {
		if isAwait(c.step.Op.Verb) && !c.returned() && r.ended() {
			return c.on(Unexercised, RuleWitness, "it did not come about until the time was up%s", r.asleep())
		}
	}
	return nil
}

// asleep says where the tasks slept that the target gave up on.
func (r *run) asleep() string {
	var parts []string
	for _, e := range r.history.Of(history.Hang) {
		if e.Op >= 0 && r.steps[e.Op].Op.Verb.IsData() {
			parts = append(parts, "; task "+e.Task+" is in op "+r.steps[e.Op].Op.Line(e.Op)[len("op "):]+at(e.Where))
		}
	}
	return strings.Join(parts, "")
}
