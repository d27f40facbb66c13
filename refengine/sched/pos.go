package sched

// POS is partial order sampling (Yuan, Yang and Gu, CAV 2018): every announced operation has a random priority, the highest one
// runs, and whatever conflicts with it draws anew. It samples orders of conflicting operations more evenly than Random, and is fair.
type POS struct {
	seeded
	prio []uint64 // by task, of its announced operation
	at   []int64  // by task, when the operation was announced that prio is of; -1 for none
}

// NewPOS returns the strategy for a seed.
func NewPOS(seed uint64) *POS { return &POS{seeded: seeded{seed: seed}} }

// Name implements Strategy.
func (p *POS) Name() string { return "pos" }

// Begin implements Strategy.
func (p *POS) Begin() bool {
	p.begin()
	p.prio, p.at = p.prio[:0], p.at[:0]
	return true
}

// Pick implements Strategy.
func (p *POS) Pick(s *Sched, _ *Task, enabled []*Task) *Task {
	best := enabled[0]
	for _, t := range enabled {
		if p.priority(t) > p.priority(best) {
			best = t
		}
	}
	for _, t := range s.live {
		if t.op.Obj != 0 && t.op.Obj == best.op.Obj && t.id < len(p.at) && !(t.mode == reads && best.mode == reads) {
			p.at[t.id] = -1
		}
	}
	return best
}

func (p *POS) priority(t *Task) uint64 {
	for len(p.prio) <= t.id {
		p.prio, p.at = append(p.prio, 0), append(p.at, -1)
	}
	if p.at[t.id] != t.announced {
		p.at[t.id], p.prio[t.id] = t.announced, p.src.Uint64()
	}
	return p.prio[t.id]
}
