package campaign

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
)

// Runner runs units on one target. Its methods may be called by several goroutines at once.
type Runner struct {
	Target target.Target
	// Runs is the directory below which each run's evidence goes; "" keeps none.
	Runs string
	// Seed drives the engine's strategies; a unit's own seed is derived from it and the unit's name.
	Seed uint64
	// Budget is how many executions the engine makes of a unit; 0 means 200.
	Budget int
	// Strategy is the engine's way to choose schedules, "" for its own mixture.
	Strategy string
	// Shrink has the schedule of a failure made simpler before it is kept.
	Shrink bool
	// Mutants are the engine's bugs to switch on.
	Mutants []string
	// KernelSpec is how the user named the kernel, for replays.
	KernelSpec string
}

const defaultBudget = 200

// Run gives the verdict on a unit. It always returns one: what goes wrong on our side is the verdict infra.
func (r *Runner) Run(ctx context.Context, u Unit, watch func(string)) Verdict {
	p, row, err := u.program(r.Target.Name(), r.Target.Release())
	v := r.verdict(u)
	if row != nil {
		v.Row = fmt.Sprintf("%s (%s)", row.Why, row.Kernel)
	}
	switch {
	case err != nil:
		v.Verdict, v.Text = judge.Infra, err.Error()
		return v
	case row != nil && row.Unsupported != "":
		v.Verdict, v.Text = judge.Unsupported, row.Unsupported
		return v
	}
	p, why, err := u.underPressure(p, r.Target.Name())
	if err != nil {
		v.Verdict, v.Text = judge.Infra, err.Error()
		return v
	}
	if lack := lacks(u.FS, p); lack != "" {
		why = lack
	}
	if why != "" {
		v.Verdict, v.Text = judge.Unsupported, why
		return v
	}
	v.known = shows(row)
	r.run(ctx, u, p, "", watch, &v)
	return v
}

// RunProgram runs a program as it is, in a unit's name and on its file system. The verdict's Replay is the evidence directory,
// which has the program.
func (r *Runner) RunProgram(ctx context.Context, u Unit, p prog.Program, watch func(string)) Verdict {
	return r.ReplayProgram(ctx, u, p, "", watch)
}

// RunGiven is RunProgram of the unit's own program, with its memory made short as the unit says.
func (r *Runner) RunGiven(ctx context.Context, u Unit, watch func(string)) Verdict {
	p, why, err := u.underPressure(u.Variant.Program, r.Target.Name())
	v := r.verdict(u)
	switch {
	case err != nil:
		v.Verdict, v.Text = judge.Infra, err.Error()
		return v
	case why != "":
		v.Verdict, v.Text = judge.Unsupported, why
		return v
	}
	return r.RunProgram(ctx, u, p, watch)
}

// ReplayProgram is RunProgram from the engine's token; "" for none.
func (r *Runner) ReplayProgram(ctx context.Context, u Unit, p prog.Program, token string, watch func(string)) Verdict {
	v := r.verdict(u)
	v.given = true
	r.run(ctx, u, p, token, watch, &v)
	return v
}

// verdict is an empty verdict about a unit.
func (r *Runner) verdict(u Unit) Verdict {
	v := blank(u, r.Target.Name(), r.Target.Release(), r.KernelSpec)
	v.Mutants = r.Mutants
	return v
}

func blank(u Unit, target, release, spec string) Verdict {
	v := Verdict{
		Case: u.Case.ID, Parameters: map[string]string{}, Target: target, Kernel: release,
		FS: u.FS.Name(), Variant: u.FS.VariantName(), Witness: []string{}, KernelSpec: spec,
	}
	if u.Variant.Name != "" {
		v.Parameters["variant"] = u.Variant.Name
	}
	if u.Pressure != prog.DialNone {
		v.Parameters["pressure"] = string(u.Pressure)
	}
	return v
}

// Unavailable is the verdict on a unit whose target cannot be had: infra, with the reason. Release is the engine's, or what a kernel was asked for as;
// spec is as Runner.KernelSpec.
func Unavailable(u Unit, target, release, spec string, why error) Verdict {
	v := blank(u, target, release, spec)
	v.Verdict, v.Text = judge.Infra, why.Error()
	return v
}

// Replay runs a unit again from the engine's token.
func (r *Runner) Replay(ctx context.Context, u Unit, token string) Verdict {
	v := r.verdict(u)
	p, _, err := u.program(r.Target.Name(), r.Target.Release())
	if err == nil {
		p, _, err = u.underPressure(p, r.Target.Name())
	}
	if err != nil {
		v.Verdict, v.Text = judge.Infra, err.Error()
		return v
	}
	r.run(ctx, u, p, token, nil, &v)
	return v
}

// run runs a program, from a token where one is given, and completes the verdict.
func (r *Runner) run(ctx context.Context, u Unit, p prog.Program, token string, watch func(string), v *Verdict) {
	start := time.Now()
	budget := r.Budget
	if budget == 0 {
		budget = defaultBudget
	}
	if few := u.Case.Schedules; few > 0 {
		budget = min(budget, few)
	}
	t := &tally{program: p}
	job := target.Job{
		Program: p, FS: u.FS, Name: jobName(u, r.Mutants), Seed: seed(r.Seed, u.Name()), Budget: budget, Strategy: r.Strategy, Replay: token,
		Branch: u.branch(p), Mutants: r.Mutants, Hangs: v.known == judge.Hang, Watch: watch, Proved: func(n int) { v.Proved = n },
	}
	err := r.Target.Run(ctx, job, t.add)
	v.Seconds = time.Since(start).Seconds()
	v.Executions = len(t.results)
	var unsupported *target.UnsupportedError
	var fault *target.FaultError
	if errors.As(err, &fault) {
		t.chosen = fault.Execution
	}
	switch {
	case errors.As(err, &unsupported):
		v.Verdict, v.Text = judge.Unsupported, unsupported.Reason
	case err != nil:
		v.Verdict, v.Text = judge.Infra, strings.SplitN(err.Error(), "\n", 2)[0]
	default:
		v.take(judge.Merge(t.results))
		r.shrink(ctx, job, t, v)
		r.reduce(ctx, u, job, t.chosen, v)
		v.settle()
	}
	r.keep(u, p, t.chosen, err, v)
}

// take copies a result into the verdict.
func (v *Verdict) take(res judge.Result) {
	v.Verdict, v.Rule, v.Notes, v.Direct = res.Verdict, res.Rule, res.Notes, res.Direct()
	v.Text = strings.TrimPrefix(res.Summary(), string(res.Verdict))
	v.Text = strings.TrimPrefix(strings.TrimSpace(v.Text), ": ")
	v.Witness = []string{} // a simpler schedule of the same failure is taken after the first
	for _, w := range res.Witness {
		seen := "seen"
		if !w.Seen {
			seen = "NOT SEEN"
		}
		v.Witness = append(v.Witness, fmt.Sprintf("%s: %s: %s", seen, w.Name, w.Evidence))
	}
}

// tally judges executions as they come and keeps the one to show: the first that failed, else the first that was witnessed,
// else the first.
type tally struct {
	program prog.Program
	results []judge.Result
	chosen  *target.Execution
	best    int
}

// add takes an execution; it wants no more after a failure.
func (t *tally) add(x target.Execution) bool {
	res := judge.Judge(t.program, x.History)
	t.results = append(t.results, res)
	if rank := rank(res.Verdict); t.chosen == nil || rank > t.best {
		t.chosen, t.best = &x, rank
	}
	return res.Verdict == judge.OK || res.Verdict == judge.Unexercised
}

func rank(v judge.Verdict) int {
	switch v {
	case judge.Unexercised:
		return 0
	case judge.OK:
		return 1
	}
	return 2
}
