package sched

import "math/rand/v2"

// Strategy makes the choices of an execution. A strategy belongs to one Sched at a time.
type Strategy interface {
	// Name says in a word what it does: "random", "pct3". A strategy that rotates others gives the name of the one at work.
	Name() string
	// Begin prepares the next execution; false says that there is none: the space is exhausted or the strategy is used up.
	Begin() bool
	// Pick chooses one of the enabled tasks, of which there are at least two, in the order they were started. cur is the
	// task that decides; it is in enabled unless it is blocked or has ended (then it may be nil). nil gives the execution up.
	Pick(s *Sched, cur *Task, enabled []*Task) *Task
	// Choose returns a number in [0, n), n at least 2.
	Choose(s *Sched, n int) int
	// End is told how the execution went.
	End(r *Result)
}

// journaled is a Strategy that needs to know what each step touched. Its Pick is called at every step, also if only one task is enabled.
type journaled interface{ journal() *journal }

// learner is a Strategy that learns from its executions. learn is called before an execution is torn down.
type learner interface{ learn(s *Sched) }

// seeded is a source of random choices. Execution i of a seed is the same whatever came before it, but for what strategies learn.
type seeded struct {
	seed, n uint64
	src     rand.PCG
}

func (r *seeded) begin() {
	r.src.Seed(r.seed, r.n)
	r.n++
}

// below returns a number in [0, n).
func (r *seeded) below(n int) int { return int(r.src.Uint64() % uint64(n)) }

// Choose implements Strategy.
func (r *seeded) Choose(_ *Sched, n int) int { return r.below(n) }

// End implements Strategy.
func (r *seeded) End(*Result) {}

// Random picks uniformly.
type Random struct{ seeded }

// NewRandom returns the uniform strategy for a seed.
func NewRandom(seed uint64) *Random { return &Random{seeded{seed: seed}} }

// Name implements Strategy.
func (r *Random) Name() string { return "random" }

// Begin implements Strategy.
func (r *Random) Begin() bool {
	r.begin()
	return true
}

// Pick implements Strategy.
func (r *Random) Pick(_ *Sched, _ *Task, enabled []*Task) *Task {
	return enabled[r.below(len(enabled))]
}
