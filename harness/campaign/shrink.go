package campaign

import (
	"context"
	"fmt"

	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/target"
)

// shrink makes the execution that a bad verdict rests on simpler, where the target can: it must stay bad by the same rule at the same
// operation. Where that fails the execution stays what it was, and a note says why.
func (r *Runner) shrink(ctx context.Context, job target.Job, t *tally, v *Verdict) {
	shrinker, ok := r.Target.(target.Shrinker)
	if !ok || !r.Shrink || job.Replay != "" || !v.Verdict.Bad() || t.chosen == nil || t.chosen.Replay == "" {
		return
	}
	if job.Watch != nil {
		job.Watch("shrinking the schedule")
	}
	first := judge.Judge(job.Program, t.chosen.History)
	var last judge.Result
	x, err := shrinker.Shrink(ctx, job, t.chosen.Replay, func(x target.Execution) bool {
		res := judge.Judge(job.Program, x.History)
		if res.Verdict != first.Verdict || res.Rule != first.Rule || res.Op != first.Op {
			return false
		}
		last = res
		return true
	})
	if err != nil {
		v.Notes = append(v.Notes, fmt.Sprintf("the schedule was not made simpler: %v", err))
		return
	}
	t.chosen = &x
	executions := v.Notes
	v.take(last)
	v.Notes = executions
}
