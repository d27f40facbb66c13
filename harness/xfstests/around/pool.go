package around

import (
	"context"
	"sync"
)

// pool keeps machines that wait for their next test. One belongs to the column that it was prepared for.
type pool struct {
	start func(ctx context.Context, column Column, watch func(string)) (Machine, error)

	mu   sync.Mutex
	idle map[string][]Machine // by column; guarded by mu
}

// take is a machine for the column: one that waits, else a fresh one. Those that wait for other columns are stopped then, as their columns
// are likely done.
func (p *pool) take(ctx context.Context, column Column, watch func(string)) (Machine, error) {
	p.mu.Lock()
	if waiting := p.idle[column.Name]; len(waiting) > 0 {
		p.idle[column.Name] = waiting[1:]
		p.mu.Unlock()
		return waiting[0], nil
	}
	others := p.all()
	p.mu.Unlock()
	for _, m := range others {
		m.Stop()
	}
	return p.start(ctx, column, watch)
}

// all empties the pool. p.mu must be held.
func (p *pool) all() []Machine {
	var out []Machine
	for _, waiting := range p.idle {
		out = append(out, waiting...)
	}
	p.idle = map[string][]Machine{}
	return out
}

// put brings a machine back that can run another test.
func (p *pool) put(column Column, m Machine) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle[column.Name] = append(p.idle[column.Name], m)
}

// close stops what waits.
func (p *pool) close() {
	p.mu.Lock()
	left := p.all()
	p.mu.Unlock()
	for _, m := range left {
		m.Stop()
	}
}
