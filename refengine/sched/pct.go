package sched

import "strconv"

// PCT is the probabilistic concurrency testing strategy of Burckhardt et al. (ASPLOS 2010): tasks have random priorities,
// the highest one runs, and at depth-1 random decisions the running task falls below all others. It finds a bug that
// needs d ordering constraints with probability at least 1/(n k^(d-1)). It is unfair: never use it alone for progress.
type PCT struct {
	seeded
	depth   int
	name    string
	prio    []uint64 // by task number
	changes []int64  // decisions at which the running task falls
	longest int64    // most decisions of an execution so far: the k of the paper
	lowest  uint64
}

// NewPCT returns the strategy for a bug depth (at least 1) and a seed.
func NewPCT(depth int, seed uint64) *PCT {
	return &PCT{seeded: seeded{seed: seed}, depth: depth, name: "pct" + strconv.Itoa(depth), longest: 64}
}

// Name implements Strategy.
func (p *PCT) Name() string { return p.name }

// Begin implements Strategy.
func (p *PCT) Begin() bool {
	p.begin()
	p.prio, p.changes = p.prio[:0], p.changes[:0]
	p.lowest = 1 << 20
	for range p.depth - 1 {
		p.changes = append(p.changes, 1+int64(p.below(int(p.longest))))
	}
	return true
}

// Pick implements Strategy.
func (p *PCT) Pick(s *Sched, _ *Task, enabled []*Task) *Task {
	best := p.best(enabled)
	for _, at := range p.changes {
		if at == s.Decisions() {
			p.lowest--
			p.prio[best.id] = p.lowest
			best = p.best(enabled)
		}
	}
	return best
}

func (p *PCT) best(enabled []*Task) *Task {
	best := enabled[0]
	for _, t := range enabled {
		if p.priority(t) > p.priority(best) {
			best = t
		}
	}
	return best
}

func (p *PCT) priority(t *Task) uint64 {
	for len(p.prio) <= t.id {
		p.prio = append(p.prio, p.src.Uint64()|1<<32)
	}
	return p.prio[t.id]
}

// End implements Strategy.
func (p *PCT) End(r *Result) { p.longest = max(p.longest, r.Decisions) }
