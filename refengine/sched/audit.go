package sched

import (
	"context"
	"fmt"
	"strings"
)

// Audited tells what Audit found.
type Audited struct {
	Finals   int      // different final states
	Proof    Report   // of the exhaustive search
	Swaps    int      // pairs of steps executed in the other order
	Findings []string // each names steps, or a state, that undeclared state must be behind; empty is good
}

// maxFindings bounds the findings kept: one is enough to fail, a few to see a pattern.
const maxFindings = 8

// Audit looks for state that steps touch and do not declare, on which DPOR would be wrong. It does so in two ways. It executes the
// program under random schedules, and each again with two adjacent steps swapped that declare nothing in common: the final state and
// every task's steps must be the same. And if DPOR completes within the budget, random schedules must end in no state that it has
// not seen. digest tells the final state, in a form that does not depend on the order of what is independent. The strategy of the
// options is not used; their budget (at least 1) is that of DPOR, and a tenth of it are the random executions.
func Audit(ctx context.Context, o Options, setup func(*Sched), digest func(*Result) string) Audited {
	a := &auditor{o: o, setup: setup, digest: digest, s: New(), finals: map[string]bool{}}
	defer a.s.Close()
	dpor := o
	dpor.Strategy = NewDPOR(0)
	a.Proof = Explore(ctx, dpor, setup, func(r *Result) bool {
		a.finals[digest(r)] = true
		return true
	})
	a.Finals = len(a.finals)
	base := &chronicler{random: NewRandom(1)}
	for range max(10, o.Budget/10) {
		if ctx.Err() != nil || len(a.Findings) >= maxFindings {
			break
		}
		a.random(base)
	}
	return a.Audited
}

type auditor struct {
	Audited
	o      Options
	setup  func(*Sched)
	digest func(*Result) string
	s      *Sched
	finals map[string]bool
}

func (a *auditor) find(format string, args ...any) {
	if len(a.Findings) < maxFindings {
		a.Findings = append(a.Findings, fmt.Sprintf(format, args...))
	}
}

// random makes one random execution and the ones that differ from it by a swap.
func (a *auditor) random(base *chronicler) {
	base.random.Begin()
	r := a.s.execution(a.o, base, a.setup)
	if r.Outcome != Done && r.Outcome != Deadlock {
		return
	}
	final := a.digest(r)
	if a.Proof.Complete && !a.finals[final] {
		a.find("%s ends in a state that the exhaustive search has not seen: %s", r.Token(), final)
	}
	labels := append([]Label(nil), a.s.objs...)
	roles := make([]string, a.s.used)
	for i := range roles {
		roles[i] = a.s.tasks[i].role
	}
	w := witness{&base.log, base.ops, labels, roles, final}
	for i := 0; i+1 < len(base.log.steps); i++ {
		if w.swappable(i) {
			a.swap(&w, i)
		}
	}
}

// swap executes the witness with steps i and i+1 in the other order.
func (a *auditor) swap(w *witness, i int) {
	sc := &scripted{w: w, at: i}
	r := a.s.execution(a.o, sc, a.setup)
	if sc.step <= i+1 && sc.stuck {
		return // the second could not have come first
	}
	a.Swaps++
	switch final := a.digest(r); {
	case sc.stuck || sc.step != len(w.log.steps):
		a.find("%s: the execution cannot go on as before from step %d", w.pair(i), sc.step)
	case final != w.final:
		a.find("%s: the final state is %s and not %s", w.pair(i), final, w.final)
	}
}

// witness is a recorded execution.
type witness struct {
	log    *journal
	ops    []Op
	labels []Label
	roles  []string
	final  string
}

// swappable says whether steps i and i+1 are declared to be independent. Two steps that start tasks number them in their order.
func (w *witness) swappable(i int) bool {
	j := w.log
	first, second := &j.steps[i], &j.steps[i+1]
	if first.task == second.task || int(second.prev) == i || j.starts(i) && j.starts(i+1) {
		return false
	}
	for _, q := range j.quiets {
		if int(q.at) == i+1 {
			return false
		}
	}
	return independent(j.footprint(i), j.footprint(i+1))
}

// pair describes two adjacent steps and what they declare.
func (w *witness) pair(i int) string {
	return fmt.Sprintf("%s and %s are declared to be independent, but the other way round", w.describe(i), w.describe(i+1))
}

func (w *witness) describe(i int) string {
	var touched []string
	for _, a := range w.log.footprint(i) {
		verb := [...]string{untouched: "", reads: "reads ", adds: "adds to ", writes: "writes "}[a.mode]
		if int(a.obj) <= len(w.labels) {
			touched = append(touched, verb+w.labels[a.obj-1].String())
		}
	}
	return fmt.Sprintf("step %d %s of %s (%s)", i, w.ops[i].Name, w.roles[w.log.steps[i].task], strings.Join(touched, ", "))
}

// chronicler is the random strategy with a journal.
type chronicler struct {
	random *Random
	log    journal
	ops    []Op
}

func (c *chronicler) Name() string      { return "audit" }
func (c *chronicler) Begin() bool       { return c.random.Begin() }
func (c *chronicler) journal() *journal { c.ops = c.ops[:0]; return &c.log }
func (c *chronicler) End(*Result)       {}

func (c *chronicler) Pick(s *Sched, cur *Task, enabled []*Task) *Task {
	t := c.random.Pick(s, cur, enabled)
	c.ops = append(c.ops, t.op)
	return t
}

func (c *chronicler) Choose(s *Sched, n int) int { return c.random.Choose(s, n) }

// scripted takes a witness's steps again, with steps at and at+1 swapped.
type scripted struct {
	w     *witness
	at    int
	step  int // taken so far
	data  int // data choices made in the latest
	stuck bool
	log   journal
}

func (c *scripted) Name() string      { return "audit" }
func (c *scripted) Begin() bool       { return true }
func (c *scripted) journal() *journal { return &c.log }
func (c *scripted) End(*Result)       {}

// source returns the number that the witness's n-th step has in its own order.
func (c *scripted) source(n int) int {
	switch n {
	case c.at:
		return n + 1
	case c.at + 1:
		return n - 1
	}
	return n
}

func (c *scripted) Pick(_ *Sched, _ *Task, enabled []*Task) *Task {
	if c.step < len(c.w.log.steps) {
		n := c.source(c.step)
		for _, t := range enabled {
			if int32(t.id) == c.w.log.steps[n].task && t.op.Kind == c.w.ops[n].Kind && t.op.Name == c.w.ops[n].Name {
				c.step, c.data = c.step+1, 0
				return t
			}
		}
	}
	c.stuck = true
	return nil
}

func (c *scripted) Choose(_ *Sched, n int) int {
	made := c.w.log.decided(c.source(c.step - 1))
	if c.data < len(made) && made[c.data].n == n {
		c.data++
		return made[c.data-1].pick
	}
	return 0
}
