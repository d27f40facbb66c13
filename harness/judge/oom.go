package judge

import (
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// noteOOMKilled says that the kernel killed a task for want of memory; the operation it was in returned SIGKILL.
const noteOOMKilled = "oom-killed"

// killed is the errno of an operation in which the kernel killed its task.
const killed = "SIGKILL"

// mayBeKilled says whether the program allows that a task is killed for want of memory: one of its operations may fail so.
func (r *run) mayBeKilled(task string) bool {
	return slices.ContainsFunc(r.steps, func(s prog.Step) bool {
		return s.Task == task && slices.Contains(s.Op.Expect.Errnos, killed)
	})
}

// wasKilled says whether the kernel killed the task for want of memory: what it had still to do never began.
func (r *run) wasKilled(task string) bool {
	return slices.ContainsFunc(r.history.Of(history.Note), func(e history.Event) bool { return e.Name == noteOOMKilled && e.Task == task })
}

// kills finds tasks that the kernel killed between two operations though the program allows it for none.
func (r *run) kills() *Result {
	for _, e := range r.history.Of(history.Note) {
		if e.Name == noteOOMKilled && e.Op < 0 && !r.mayBeKilled(e.Task) {
			return general(Fail, RuleOOM, "the kernel killed task %s for want of memory, between two operations", e.Task)
		}
	}
	return nil
}
