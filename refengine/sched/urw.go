package sched

// URW is the uniform random walk: each task is picked with a probability in proportion to the events it has left, which makes
// every interleaving about as likely as every other. How many are left is estimated from earlier executions.
type URW struct {
	seeded
	estimates
}

// NewURW returns the strategy for a seed.
func NewURW(seed uint64) *URW { return &URW{seeded: seeded{seed: seed}} }

// Name implements Strategy.
func (u *URW) Name() string { return "urw" }

// Begin implements Strategy.
func (u *URW) Begin() bool {
	u.seeded.begin()
	u.estimates.begin()
	return true
}

// Pick implements Strategy.
func (u *URW) Pick(s *Sched, _ *Task, enabled []*Task) *Task {
	u.meet(s)
	sum := 0.0
	for _, t := range enabled {
		sum += u.left(t, float64(t.taken))
	}
	at := u.fraction() * sum
	for _, t := range enabled {
		if at -= u.left(t, float64(t.taken)); at < 0 {
			return t
		}
	}
	return enabled[len(enabled)-1]
}

// fraction returns a number in [0, 1).
func (r *seeded) fraction() float64 { return float64(r.src.Uint64()>>11) / (1 << 53) }

func (u *URW) learn(s *Sched) {
	u.estimates.learn(s, func(t *Task) float64 { return float64(t.taken) })
}
