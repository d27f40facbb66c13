package sched

import (
	"fmt"
	"slices"
)

// shrinkReplays is how many executions Shrink makes at most.
const shrinkReplays = 3000

// Shrunk is what Shrink made of a failing execution.
type Shrunk struct {
	Token   string
	Result  *Result // of the token's replay, traced
	Before  int     // Result.Switches of the execution it began with
	Replays int     // executions made
}

// Shrink looks for a schedule with fewer switches between tasks that fails too: it leaves out stretches of the schedule, by delta
// debugging, and lets what cannot be followed any more go on by default. fails is asked after every execution and may look at the
// state that setup made. The token that comes back has been replayed and fails. The error is ErrDiverged, or says that the
// token's execution does not fail.
func Shrink(token string, o Options, setup func(*Sched), fails func(*Result) bool) (Shrunk, error) {
	name, hash, path, err := parseToken(token)
	if err != nil {
		return Shrunk{}, err
	}
	if name != tokenName(o.Name) {
		return Shrunk{}, fmt.Errorf("shrink token: it is of program %q, not %q", name, o.Name)
	}
	z := &shrinker{s: New(), o: o, setup: setup, fails: fails}
	defer z.s.Close()
	z.o.Trace = true
	if err := z.first(path, hash); err != nil {
		return Shrunk{}, err
	}
	before := z.best.switches
	for z.pass() {
	}
	r, err := Replay(z.token, o, setup)
	if err != nil {
		return Shrunk{}, fmt.Errorf("shrink token: %w", err)
	}
	if !fails(r) {
		return Shrunk{}, fmt.Errorf("shrink token: %w: %s fails only the first time", ErrDiverged, z.token)
	}
	return Shrunk{Token: z.token, Result: r, Before: before, Replays: z.replays}, nil
}

// shrinker holds the best failing schedule so far.
type shrinker struct {
	s       *Sched
	o       Options
	setup   func(*Sched)
	fails   func(*Result) bool
	plan    plan
	best    cost
	token   string
	replays int
}

// cost is what Shrink makes small, the first first.
type cost struct {
	switches int
	steps    int64
	stretch  int
}

func (c cost) less(d cost) bool {
	if c.switches != d.switches {
		return c.switches < d.switches
	}
	if c.steps != d.steps {
		return c.steps < d.steps
	}
	return c.stretch < d.stretch
}

func (z *shrinker) first(path []deviation, hash uint64) error {
	r := &replayer{path: path}
	f := &follower{inner: r}
	res := z.s.execution(z.o, f, z.setup)
	if err := r.check(res, hash); err != nil {
		return fmt.Errorf("shrink token: %w", err)
	}
	if !z.fails(res) {
		return fmt.Errorf("shrink token: the execution does not fail: %s", res.Outcome)
	}
	z.adopt(res, f)
	return nil
}

func (z *shrinker) adopt(r *Result, f *follower) {
	z.plan = planOf(r.Trace, f.made)
	z.best = cost{r.Switches(), r.Steps, len(z.plan.stretches)}
	z.token = r.Token()
}

// try executes a plan and adopts the execution if it fails too and is smaller.
func (z *shrinker) try(p plan) bool {
	if z.replays >= shrinkReplays {
		return false
	}
	z.replays++
	f := &follower{plan: p}
	r := z.s.execution(z.o, f, z.setup)
	if r.Outcome == Pruned || !z.fails(r) {
		return false
	}
	if c := (cost{r.Switches(), r.Steps, len(planOf(r.Trace, f.made).stretches)}); !c.less(z.best) {
		return false
	}
	z.adopt(r, f)
	return true
}

// pass tries once to leave out stretches of every size and each data choice; it says whether something was gained.
func (z *shrinker) pass() bool {
	gained := false
	for size := max(1, len(z.plan.stretches)/2); size > 0; size /= 2 {
		for at := 0; at < len(z.plan.stretches); {
			end := min(at+size, len(z.plan.stretches))
			p := plan{slices.Delete(slices.Clone(z.plan.stretches), at, end), z.plan.data}
			if z.try(p) {
				gained = true
			} else {
				at += size
			}
		}
	}
	for i := range z.plan.data {
		if i < len(z.plan.data) && z.plan.data[i].value != 0 {
			p := plan{z.plan.stretches, slices.Clone(z.plan.data)}
			p.data[i].value = 0
			gained = z.try(p) || gained
		}
	}
	return gained
}
