package vm

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// fakeFleet makes machines without QEMU, and knows how many there are.
type fakeFleet struct {
	mu      sync.Mutex
	made    int
	running map[*fakeMachine]bool
	most    int
	fail    error
	block   chan struct{} // makers wait for it, unless it is nil
}

type fakeMachine struct {
	fleet *fakeFleet
	of    *level
	gone  bool
}

func (f *fakeFleet) make(ctx context.Context, l *level) (*fakeMachine, error) {
	if f.block != nil {
		select {
		case <-f.block:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return nil, f.fail
	}
	m := &fakeMachine{fleet: f, of: l}
	f.made++
	f.running[m] = true
	f.most = max(f.most, len(f.running))
	return m, nil
}

func (m *fakeMachine) stop() {
	m.fleet.mu.Lock()
	defer m.fleet.mu.Unlock()
	delete(m.fleet.running, m)
}

func (m *fakeMachine) isGone() bool { return m.gone }

func (f *fakeFleet) left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.running)
}

func newFleet() *fakeFleet { return &fakeFleet{running: map[*fakeMachine]bool{}} }

func take(t *testing.T, p *pool[*fakeMachine], l *level) *fakeMachine {
	t.Helper()
	m, err := p.take(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	if m.of != l {
		t.Errorf("got a clone of another level")
	}
	return m
}

func TestAPoolNeverHasMoreMachinesThanItsSizeBesideThoseInUseAndLeavesNone(t *testing.T) {
	f := newFleet()
	p := newPool(2, f.make)
	levels := []*level{{key: "a"}, {key: "b"}, {key: "c"}}
	for i := range 60 {
		p.retire(take(t, p, levels[i*i%3]))
	}
	p.close()
	if f.left() != 0 {
		t.Errorf("%d machines are left", f.left())
	}
	if f.made > 2*60+2 {
		t.Errorf("%d machines were made for 60 jobs", f.made)
	}
}

func TestTheNextJobsMachineIsMadeWhileTheOneBeforeIsInUse(t *testing.T) {
	f := newFleet()
	p := newPool(1, f.make)
	defer p.close()
	l := &level{key: "a"}
	first := take(t, p, l)
	second := take(t, p, l)
	third := take(t, p, l)
	if first == second || second == third {
		t.Error("a machine was given out twice")
	}
	p.owned.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.made != 4 {
		t.Errorf("%d machines were made, want three in use and one that waits", f.made)
	}
}

func TestAMachineThatDiedWhileItWaitedIsReplaced(t *testing.T) {
	f := newFleet()
	p := newPool(1, f.make)
	defer p.close()
	l := &level{key: "a"}
	take(t, p, l)
	p.owned.Wait()
	p.slots[0].m.gone = true
	if m := take(t, p, l); m.gone {
		t.Error("got the dead one")
	}
}

func TestACloneThatCannotBeMadeIsTheErrorOfWhoTakesIt(t *testing.T) {
	f := newFleet()
	p := newPool(1, f.make)
	defer p.close()
	l := &level{key: "a"}
	take(t, p, l)
	p.owned.Wait()
	f.fail = errors.New("no memory")
	take(t, p, l) // was made before
	if _, err := p.take(t.Context(), l); !errors.Is(err, f.fail) {
		t.Errorf("got %v", err)
	}
}

func TestClosingAPoolEndsTheMakingUnderWay(t *testing.T) {
	f := newFleet()
	p := newPool(1, f.make)
	l := &level{key: "a"}
	take(t, p, l).stop()
	p.owned.Wait()
	f.block = make(chan struct{})
	take(t, p, l).stop() // one is made now, and waits
	p.close()
	if f.left() != 0 {
		t.Errorf("%d machines are left", f.left())
	}
}

func TestWhoGivesUpWaitingLeavesNoMachineBehind(t *testing.T) {
	f := newFleet()
	p := newPool(1, f.make)
	l := &level{key: "a"}
	take(t, p, l).stop()
	p.owned.Wait()
	f.block = make(chan struct{})
	take(t, p, l).stop()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.take(ctx, l); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(f.block)
	p.close()
	if f.left() != 0 {
		t.Errorf("%d machines are left", f.left())
	}
}
