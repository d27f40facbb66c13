package sched

import "math/rand/v2"

// Strategy makes the choices of an execution. A strategy belongs to one Sched at a time.
type Strategy interface {
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

// Random picks uniformly. Execution i of a seed is the same whatever came before it.
type Random struct {
	seed, n uint64
	src     rand.PCG
	rng     *rand.Rand
}

// NewRandom returns the uniform strategy for a seed.
func NewRandom(seed uint64) *Random {
	r := &Random{seed: seed}
	r.rng = rand.New(&r.src)
	return r
}

// Begin implements Strategy.
func (r *Random) Begin() bool {
	r.src.Seed(r.seed, r.n)
	r.n++
	return true
}

// Pick implements Strategy.
func (r *Random) Pick(_ *Sched, _ *Task, enabled []*Task) *Task {
	return enabled[r.src.Uint64()%uint64(len(enabled))]
}

// Choose implements Strategy.
func (r *Random) Choose(_ *Sched, n int) int { return int(r.src.Uint64() % uint64(n)) }

// End implements Strategy.
func (r *Random) End(*Result) {}
