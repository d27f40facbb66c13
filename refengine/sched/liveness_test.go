package sched

import (
	"strings"
	"testing"
)

// overtaking has a waiter that an overtaker passes n times. If broken, the waiter could run after each.
func overtaking(n, bound int, broken bool) func(*Sched) {
	return func(s *Sched) {
		var q WaitQueue
		q.Init(s, Label{Class: "lock"})
		o := s.Oblige("lock", bound)
		free := false
		w := s.Go("waiter", func(t *Task) {
			o.Start(t)
			q.Wait(t, "lock", func() bool { return free })
			o.Done()
		})
		s.Go("overtaker", func(t *Task) {
			t.AwaitBlocked(w)
			for range n {
				t.Step("overtake", 0)
				o.Overtake()
				if broken {
					q.Wake()
				}
			}
			free = true
			q.Wake()
		})
	}
}

func TestUnbrokenOvertakingBeyondTheBoundIsStarvation(t *testing.T) {
	for _, c := range []struct {
		n, bound int
		broken   bool
		want     Outcome
	}{{5, 4, false, Starved}, {4, 4, false, Done}, {50, 4, true, Done}} {
		s := New()
		for seed := range uint64(50) {
			r := s.Run(Options{Strategy: NewRandom(seed)}, overtaking(c.n, c.bound, c.broken))
			if r.Outcome != c.want {
				t.Fatalf("%+v: %v", c, r)
			}
			if c.want == Starved && !strings.Contains(r.String(), "waiter was overtaken 5 times without a break while it waited for lock") {
				t.Fatal(r)
			}
		}
		s.Close()
	}
}

// twoRetriers undo each other's work for ever, unless one of them remembers how often it has tried, up to a limit.
func twoRetriers(limit uint64, declared bool) func(*Sched) {
	return func(s *Sched) {
		obj := s.NewObj(Label{Class: "page"})
		page := 0
		s.Watch(func() uint64 { return uint64(page) })
		body := func(mine int) func(*Task) {
			return func(t *Task) {
				for try := uint64(0); try < limit; try++ {
					if declared {
						t.Local(try)
					}
					t.Step("fault in", obj)
					page = mine
					t.Step("use", obj)
					if page == mine && try > limit {
						return
					}
				}
			}
		}
		s.Go("one", body(1))
		s.Go("two", body(2))
	}
}

func TestFairCycleThatCanBePumpedIsLivelock(t *testing.T) {
	s := New()
	defer s.Close()
	for name, strategy := range map[string]Strategy{"random": NewRandom(1), "pos": NewPOS(1), "urw": NewURW(1)} {
		r := s.Run(Options{Name: "l", Strategy: strategy, MaxSteps: 20000}, twoRetriers(1<<40, false))
		if r.Outcome != Livelock {
			t.Errorf("%s: %v", name, r)
			continue
		}
		replayed, err := Replay(r.Token(), Options{Name: "l", MaxSteps: 20000}, twoRetriers(1<<40, false))
		if err != nil || replayed.Outcome != Livelock {
			t.Errorf("%s: replayed to %v, %v", name, replayed, err)
		}
	}
}

func TestLoopsThatEndAreNoLivelock(t *testing.T) {
	s := New()
	defer s.Close()
	for what, setup := range map[string]func(*Sched){
		"a declared retry count": twoRetriers(300, true), "an undeclared count that ends a loop in time": twoRetriers(50, false),
	} {
		for seed := range uint64(20) {
			if r := s.Run(Options{Strategy: NewRandom(seed), MaxSteps: 20000}, setup); r.Outcome != Done {
				t.Errorf("%s: %v", what, r)
			}
		}
	}
}

// A task that waits for another in a loop is not stuck: the schedule that never lets the other run is to blame.
func TestUnfairCycleIsNoLivelock(t *testing.T) {
	s := New()
	defer s.Close()
	spin := func(s *Sched) {
		done := false
		s.Watch(func() uint64 { return 0 })
		s.Go("spinner", func(t *Task) {
			for !done {
				t.Step("spin", 0)
			}
		})
		s.Go("setter", func(t *Task) { t.Step("set", 0); done = true })
	}
	for seed := range uint64(100) {
		if r := s.Run(Options{Strategy: NewPCT(2, seed), MaxSteps: 500}, spin); r.Outcome == Livelock {
			t.Fatal(r)
		}
		if r := s.Run(Options{Strategy: NewFair(NewPCT(2, seed), 50), MaxSteps: 500}, spin); r.Outcome != Done {
			t.Fatalf("fair: %v", r)
		}
	}
}
