package campaign

import (
	"context"
	"fmt"

	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
)

// reducedFile is the smaller program among the evidence of a failure.
const reducedFile = "reduced.txt"

// reduce looks for a smaller program that fails by the same rule, where the target can run one often, and keeps it beside the evidence.
func (r *Runner) reduce(ctx context.Context, u Unit, job target.Job, x *target.Execution, v *Verdict) {
	if _, ok := r.Target.(target.Shrinker); !ok || !r.Shrink || job.Replay != "" || !v.Verdict.Bad() || x == nil {
		return
	}
	if job.Watch != nil {
		job.Watch("reducing the program")
	}
	small := r.smaller(ctx, u, job.Program, *v)
	before, after := prog.Size(job.Program.Ops), prog.Size(small.Ops)
	if after == before {
		return
	}
	if x.Extra == nil {
		x.Extra = map[string]string{}
	}
	x.Extra[reducedFile] = fmt.Sprintf("# %d of %d operations are enough for rule %s on %s\n%s", after, before, v.Rule, v.FSName(), small)
}

// smaller takes operations away, one at a time and the last first, as long as the program keeps failing by the same rule.
func (r *Runner) smaller(ctx context.Context, u Unit, p prog.Program, bad Verdict) prog.Program {
	quiet := *r
	quiet.Runs, quiet.Shrink = "", false
	for again := true; again && ctx.Err() == nil; {
		again = false
		for n := prog.Size(p.Ops) - 1; n >= 0; n-- {
			q := p.Without(n)
			if q.Check() != nil {
				continue
			}
			if v := quiet.RunProgram(ctx, u, q, nil); v.Verdict == bad.Verdict && v.Rule == bad.Rule {
				p, again = q, true
				n = min(n, prog.Size(p.Ops))
			}
		}
	}
	return p
}
