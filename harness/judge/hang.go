package judge

import (
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

// wholeGuest is the task of a Hang event that speaks of the machine as a whole.
const wholeGuest = "guest"

// hangs is rule 2: tasks that the target gave up on, and kernel operations that never returned though the run is over.
//
// A task that hangs in an await waits for the harness's own situation, not for the kernel. Where requests are held meanwhile,
// operations that sleep may well wait for these, so nothing is shown: unmet says so. That excuses no operation that runs on. A
// task that only waits for another one (join) is never the cause; where nothing else is stuck, the harness is.
func (r *run) hangs() *Result {
	stuck := r.stuck()
	var kernels []sleeper
	for _, s := range stuck {
		if s.op < 0 || inKernel(r.steps[s.op].Op.Verb) {
			kernels = append(kernels, s)
		}
	}
	// What is awake is the cause, whatever else waits.
	if i := slices.IndexFunc(kernels, sleeper.awake); i >= 0 {
		return r.hang(kernels[i], stuck)
	}
	switch {
	case len(stuck) == 0 || r.awaiting() && (len(kernels) == 0 || r.heldAtEnd()):
		return nil
	case len(kernels) > 0:
		return r.hang(kernels[0], stuck)
	}
	return about(Infra, RuleHang, r.steps[stuck[0].op], "it never returned, although no operation is in the kernel")
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
// the harness's own reads after the run are stuck, when nothing is held any more. A task whose state is unknown, as in the
// engine, counts as asleep.
func (s sleeper) awake() bool { return s.op < 0 || !slices.Contains([]string{"S", "D", ""}, s.state) }

// stuck lists the tasks that did not get on: by the target's word, then by what never returned.
func (r *run) stuck() []sleeper {
	var out []sleeper
	told := map[int]bool{}
	for _, e := range r.history.Of(history.Hang) {
		s := sleeper{e.Task, e.Op, e.Where, e.Text, e.Name}
		if s.op >= 0 && s.task == wholeGuest && r.steps[s.op].Task != wholeGuest {
			s.op = -1
		}
		out = append(out, s)
		told[e.Op] = true
	}
	for _, c := range r.calls {
		if r.ended() && c.stuck() && inKernel(c.step.Op.Verb) && !told[c.step.N] && !r.died(c.step.Task) {
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
	rule := RuleHang
	if s.state == history.Starved || s.state == history.Livelock {
		rule = RuleProgress
	}
	if s.op < 0 {
		return general(Hang, rule, "task %s did not end%s%s", s.task, at(s.where), s.more())
	}
	return about(Hang, rule, r.steps[s.op], "task %s never returned%s%s", s.task, at(s.where), s.more())
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
		if isAwait(c.step.Op.Verb) && c.stuck() {
			return true
		}
	}
	return false
}

// deaths is our own fault: a task's process was killed, and no rule before found out of what. What it left undone makes the rest
// of the history worthless, so that nothing after it is asked.
func (r *run) deaths() *Result {
	for _, c := range r.calls {
		if c.stuck() && !isFlow(c.step.Op.Verb) && r.died(c.step.Task) {
			return c.on(Infra, RuleAssumption, "the process of task %s died in it", c.step.Task)
		}
	}
	for _, e := range r.history.Of(history.Note) {
		if e.Name == noteTaskDied {
			return general(Infra, RuleAssumption, "the process of task %s died, and nothing says of what", e.Task)
		}
	}
	return nil
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
		if isAwait(c.step.Op.Verb) && c.stuck() && r.ended() {
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
