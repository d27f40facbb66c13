package sched

// Rotation takes turns among strategies, one execution each, because no single one finds everything: on toy bugs, random needed
// thousands of executions where URW needed four, and PCT never found a starvation that POS found at once.
type Rotation struct {
	all []Strategy
	at  int
}

// NewRotation returns random, PCT of depths 2, 3 and 5, POS, URW and SURW in turn, all from one seed.
func NewRotation(seed uint64) *Rotation {
	return Rotate(NewRandom(seed), NewPCT(2, seed), NewURW(seed), NewPCT(3, seed), NewPOS(seed), NewPCT(5, seed), NewSURW(seed))
}

// Rotate returns a strategy that takes turns among others. It ends when one of them ends.
func Rotate(all ...Strategy) *Rotation { return &Rotation{all: all, at: -1} }

// Name implements Strategy.
func (r *Rotation) Name() string {
	if r.at < 0 {
		return "rotation"
	}
	return r.all[r.at].Name()
}

// Begin implements Strategy.
func (r *Rotation) Begin() bool {
	r.at = (r.at + 1) % len(r.all)
	return r.all[r.at].Begin()
}

// Pick implements Strategy.
func (r *Rotation) Pick(s *Sched, cur *Task, enabled []*Task) *Task {
	return r.all[r.at].Pick(s, cur, enabled)
}

// Choose implements Strategy.
func (r *Rotation) Choose(s *Sched, n int) int { return r.all[r.at].Choose(s, n) }

// End implements Strategy.
func (r *Rotation) End(res *Result) { r.all[r.at].End(res) }

func (r *Rotation) learn(s *Sched) {
	if l, ok := r.all[r.at].(learner); ok {
		l.learn(s)
	}
}

// Fair bounds the unfairness of another strategy: a task that could have gone on for longer than patience steps of others is given its
// turn. Programs with loops that wait for others come to an end under it, whatever the inner strategy.
type Fair struct {
	Strategy
	patience int64
}

// NewFair makes a strategy fair.
func NewFair(s Strategy, patience int64) *Fair { return &Fair{s, patience} }

// Name implements Strategy.
func (f *Fair) Name() string { return "fair-" + f.Strategy.Name() }

// Pick implements Strategy.
func (f *Fair) Pick(s *Sched, cur *Task, enabled []*Task) *Task {
	oldest := enabled[0]
	for _, t := range enabled {
		if t.announced < oldest.announced {
			oldest = t
		}
	}
	if s.steps-oldest.announced > f.patience {
		return oldest
	}
	return f.Strategy.Pick(s, cur, enabled)
}

func (f *Fair) learn(s *Sched) {
	if l, ok := f.Strategy.(learner); ok {
		l.learn(s)
	}
}
