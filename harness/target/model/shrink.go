package model

import (
	"context"
	"fmt"

	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

var _ target.Shrinker = (*Target)(nil)

// Shrink looks for an execution of the job with fewer switches between tasks than the token's that is bad too, and returns it. It is
// the token's own where there is none.
func (t *Target) Shrink(ctx context.Context, job target.Job, token string, bad func(target.Execution) bool) (target.Execution, error) {
	machine, err := t.machine(job)
	if err != nil {
		return target.Execution{}, err
	}
	p := planFor(job, machine)
	var in *interpreter
	var last target.Execution
	_, err = sched.Shrink(token, sched.Options{Name: job.Name, MaxSteps: maxSteps}, func(s *sched.Sched) { in = start(s, p) },
		func(r *sched.Result) bool {
			if ctx.Err() != nil {
				return false
			}
			x, err := in.finish(r)
			if err != nil || !bad(x) {
				return false
			}
			last = x
			return true
		})
	if err != nil {
		return target.Execution{}, fmt.Errorf("shrink a schedule: %w", err)
	}
	// What failed last is the replay of the token that Shrink returns.
	return last, nil
}
