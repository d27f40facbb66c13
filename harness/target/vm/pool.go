package vm

import (
	"context"
	"slices"
	"sync"
)

// pool keeps clones of the levels that were used last ready to be woken: made in the background while jobs run, so that the next job finds one.
type pool[M pooled] struct {
	size  int // most clones that wait
	make  func(context.Context, *level) (M, error)
	ctx   context.Context // ends with the pool
	stop  context.CancelFunc
	owned sync.WaitGroup // makers, and machines being stopped

	mu    sync.Mutex
	slots []*slot[M] // oldest first; guarded by mu
	ended bool       // guarded by mu
}

// pooled is what a pool has to know of a machine.
type pooled interface {
	stop()
	isGone() bool
}

// slot is a clone that is ready or being made.
type slot[M pooled] struct {
	of   *level
	done chan struct{} // closed when the next two are set
	m    M
	err  error
}

func newPool[M pooled](size int, clone func(context.Context, *level) (M, error)) *pool[M] {
	ctx, stop := context.WithCancel(context.Background())
	return &pool[M]{size: size, make: clone, ctx: ctx, stop: stop}
}

// take returns a clone of a level, and has another one made in its place.
func (p *pool[M]) take(ctx context.Context, l *level) (M, error) {
	waiting := p.remove(func(s *slot[M]) bool { return s.of == l })
	if waiting == nil {
		m, err := p.make(ctx, l)
		if err == nil {
			p.refill(l)
		}
		return m, err
	}
	p.refill(l)
	select {
	case <-waiting.done:
	case <-ctx.Done():
		p.discard(waiting)
		var none M
		return none, context.Cause(ctx)
	}
	if waiting.err == nil && waiting.m.isGone() {
		p.discard(waiting)
		return p.make(ctx, l) // killed while it waited
	}
	return waiting.m, waiting.err
}

// remove takes the oldest slot that fits out; nil if there is none.
func (p *pool[M]) remove(fits func(*slot[M]) bool) *slot[M] {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.removeLocked(fits)
}

// removeLocked is remove. p.mu must be held.
func (p *pool[M]) removeLocked(fits func(*slot[M]) bool) *slot[M] {
	i := slices.IndexFunc(p.slots, fits)
	if i < 0 {
		return nil
	}
	s := p.slots[i]
	p.slots = slices.Delete(p.slots, i, i+1)
	return s
}

// refill has a clone of l made. Where the pool is full the oldest clone of another level makes room; if all are of l, there is nothing to do.
func (p *pool[M]) refill(l *level) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	if len(p.slots) >= p.size {
		old := p.removeLocked(func(s *slot[M]) bool { return s.of != l })
		if old == nil {
			return
		}
		p.discard(old)
	}
	s := &slot[M]{of: l, done: make(chan struct{})}
	p.slots = append(p.slots, s)
	p.owned.Go(func() {
		defer close(s.done)
		s.m, s.err = p.make(p.ctx, l)
	})
}

// discard stops a slot's clone in the background.
func (p *pool[M]) discard(s *slot[M]) {
	p.owned.Go(func() {
		<-s.done
		if s.err == nil {
			s.m.stop()
		}
	})
}

// retire stops a machine that was used, in the background; where the pool is closed, at once.
func (p *pool[M]) retire(m M) {
	p.mu.Lock()
	ended := p.ended
	if !ended {
		p.owned.Go(m.stop)
	}
	p.mu.Unlock()
	if ended {
		m.stop()
	}
}

// close stops what waits, and waits for everything that the pool has running. Nothing may be taken any more.
func (p *pool[M]) close() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.stop()
	for s := p.remove(func(*slot[M]) bool { return true }); s != nil; s = p.remove(func(*slot[M]) bool { return true }) {
		p.discard(s)
	}
	p.owned.Wait()
}

// isGone says whether the machine has ended.
func (m *machine) isGone() bool {
	select {
	case <-m.vm.Done():
		return true
	default:
		return false
	}
}
