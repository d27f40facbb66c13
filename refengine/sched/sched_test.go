package sched

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// runOnce executes a program once, without preemptions, and returns its result.
func runOnce(t *testing.T, setup func(*Sched)) *Result {
	t.Helper()
	s := New()
	t.Cleanup(func() {
		if n := s.Close(); n != 0 {
			t.Errorf("%d coroutines given up", n)
		}
	})
	return s.Run(Options{Name: "test", Strategy: NewBoundedDFS(0), MaxSteps: 10000}, setup)
}

// explore executes a program under every schedule and fails the test if a result is not Done.
func explore(t *testing.T, setup func(*Sched), after func()) Report {
	t.Helper()
	d := NewDFS()
	rep := Explore(context.Background(), Options{Name: "test", Strategy: d, Budget: 1 << 20}, setup, func(r *Result) bool {
		if r.Outcome != Done {
			t.Errorf("schedule %d: %v", r.Execution, r)
			return false
		}
		if after != nil {
			after()
		}
		return true
	})
	if rep.Abandoned != 0 {
		t.Errorf("%d coroutines given up", rep.Abandoned)
	}
	return rep
}

func TestMutexExcludes(t *testing.T) {
	inside := 0
	rep := explore(t, func(s *Sched) {
		var m Mutex
		m.Init(s, Label{Class: "m"})
		inside = 0
		for range 2 {
			s.Go("t", func(t *Task) {
				m.Lock(t)
				if inside++; inside != 1 {
					panic("two inside")
				}
				t.Step("inside", 0)
				inside--
				m.Unlock(t)
			})
		}
	}, nil)
	if !rep.Complete {
		t.Error(rep)
	}
}

func TestReaderWaitsBehindWaitingWriter(t *testing.T) {
	var order []string
	r := runOnce(t, func(s *Sched) {
		order = nil
		var sem RWSem
		sem.Init(s, Label{Class: "sem"})
		var go1 Event
		go1.Init(s, Label{Class: "go"})
		s.Go("reader1", func(t *Task) {
			sem.RLock(t)
			w := t.Go("writer", func(t *Task) {
				sem.Lock(t)
				order = append(order, "writer")
				sem.Unlock(t)
			})
			t.AwaitBlocked(w)
			r := t.Go("reader2", func(t *Task) {
				sem.RLock(t)
				order = append(order, "reader2")
				sem.RUnlock(t)
			})
			if on, blocked := t.AwaitBlocked(r); !blocked || s.Label(on.Obj).Class != "sem" {
				panic("reader2 does not wait")
			}
			sem.RUnlock(t)
		})
	})
	if r.Outcome != Done || strings.Join(order, " ") != "writer reader2" {
		t.Errorf("%v, order %v", r, order)
	}
}

func TestReadersShareAndAreGrantedTogether(t *testing.T) {
	most := 0
	explore(t, func(s *Sched) {
		var sem RWSem
		sem.Init(s, Label{Class: "sem"})
		in := 0
		for range 2 {
			s.Go("r", func(t *Task) {
				sem.RLock(t)
				in++
				most = max(most, in)
				t.Step("read", 0)
				in--
				sem.RUnlock(t)
			})
		}
	}, nil)
	if most != 2 {
		t.Errorf("at most %d readers at once", most)
	}
}

func TestDeadlockIsFoundAtOnceAndNamed(t *testing.T) {
	abba := func(s *Sched) {
		var a, b Mutex
		a.Init(s, Label{Class: "folio lock", Of: "f", Index: 3, Many: true})
		b.Init(s, Label{Class: "i_rwsem", Of: "f"})
		both := func(x, y *Mutex) func(*Task) {
			return func(t *Task) {
				x.Lock(t)
				y.Lock(t)
				y.Unlock(t)
				x.Unlock(t)
			}
		}
		s.Go("one", both(&a, &b))
		s.Go("two", both(&b, &a))
		s.Go("kswapd", func(t *Task) { // can always run: "nobody enabled" would not see the deadlock
			for range 200 {
				t.Step("scan", 0)
			}
		})
	}
	var found string
	var steps int64
	Explore(context.Background(), Options{Strategy: NewRandom(3), Budget: 200}, abba, func(r *Result) bool {
		if r.Outcome == Deadlock {
			found, steps = r.String(), r.Steps
		}
		return r.Outcome == Done
	})
	for _, want := range []string{
		"one waits for i_rwsem of f, held by two (holds folio lock 3 of f)",
		"two waits for folio lock 3 of f, held by one (holds i_rwsem of f)",
	} {
		if !strings.Contains(found, want) {
			t.Errorf("no %q in\n%s", want, found)
		}
	}
	if steps > 150 {
		t.Errorf("found only after %d steps", steps)
	}
}

func TestTaskThatLocksTwiceIsADeadlock(t *testing.T) {
	r := runOnce(t, func(s *Sched) {
		var m Mutex
		m.Init(s, Label{Class: "m"})
		s.Go("t", func(t *Task) {
			m.Lock(t)
			m.Lock(t)
		})
		s.Go("other", func(t *Task) { t.Step("s", 0) })
	})
	if r.Outcome != Deadlock {
		t.Error(r)
	}
}

func TestWaitForEverIsADeadlockWithItsReason(t *testing.T) {
	r := runOnce(t, func(s *Sched) {
		var c Counter
		c.Init(s, Label{Class: "inode_dio_wait", Of: "f"})
		c.Add(1)
		s.Go("truncater", func(t *Task) { c.WaitZero(t, "inode_dio_wait") })
	})
	if r.Outcome != Deadlock || !strings.Contains(r.String(), "truncater waits for inode_dio_wait of f") {
		t.Error(r)
	}
}

func TestTimersFireInOrderAndOnlyWhenNothingElseRuns(t *testing.T) {
	var order []string
	r := runOnce(t, func(s *Sched) {
		order = nil
		s.Go("late", func(t *Task) { t.Sleep(2 * time.Second); order = append(order, fmt.Sprint("late ", s.Now())) })
		s.Go("early", func(t *Task) { t.Sleep(time.Second); order = append(order, fmt.Sprint("early ", s.Now())) })
		s.Go("busy", func(t *Task) {
			for range 50 {
				t.Step("s", 0)
			}
			order = append(order, "busy")
		})
	})
	if got := strings.Join(order, ", "); r.Outcome != Done || got != "busy, early 1s, late 2s" {
		t.Errorf("%v: %s", r, got)
	}
}

func TestAwaitBlockedIgnoresWaitsThatEndByThemselves(t *testing.T) {
	explore(t, func(s *Sched) {
		var m Mutex
		m.Init(s, Label{Class: "m"})
		s.Go("holder", func(t *Task) {
			m.Lock(t)
			t.Step("inside", 0)
			m.Unlock(t)
		})
		target := s.Go("target", func(t *Task) {
			m.Lock(t)
			m.Unlock(t)
		})
		s.Go("observer", func(t *Task) {
			if _, blocked := t.AwaitBlocked(target); blocked {
				panic("a wait that ended was called blocked")
			}
		})
	}, nil)
}

func TestAwaitBlockedEndsAlthoughAnotherTaskSpins(t *testing.T) {
	sc := New()
	defer sc.Close()
	r := sc.Run(Options{Strategy: NewRandom(1)}, func(s *Sched) {
		var e Event
		e.Init(s, Label{Class: "e"})
		target := s.Go("target", func(t *Task) { e.Wait(t, "e") })
		s.Go("spinner", func(t *Task) {
			for !e.IsSet() {
				t.Step("spin", 0)
			}
		})
		s.Go("observer", func(t *Task) {
			t.AwaitBlocked(target)
			e.Set()
		})
	})
	if r.Outcome != Done {
		t.Error(r)
	}
}

func TestStepLimitIsInconclusive(t *testing.T) {
	r := runOnce(t, func(s *Sched) {
		s.Go("t", func(t *Task) {
			for {
				t.Step("spin", 0)
			}
		})
	})
	if r.Outcome != StepLimit {
		t.Error(r)
	}
}

func TestPanicIsCapturedWithItsStack(t *testing.T) {
	r := runOnce(t, func(s *Sched) {
		s.Go("t", func(t *Task) { t.Step("s", 0); thisPanics() })
		s.Go("other", func(t *Task) { t.Step("s", 0) })
	})
	if r.Outcome != Panicked || r.Panic != "boom" || !strings.Contains(r.Stack, "thisPanics") {
		t.Error(r)
	}
}

func thisPanics() { panic("boom") }

func TestTeardownLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	outcomes := map[Outcome]int{}
	rep := Explore(context.Background(), Options{Strategy: NewRandom(1), Budget: 2000, MaxSteps: 60}, func(s *Sched) {
		var m [2]Mutex
		for i := range m {
			m[i].Init(s, Label{Class: "m", Index: int64(i), Many: true})
		}
		for i := range 3 {
			s.Go("t", func(t *Task) {
				defer t.Step("deferred", 0)
				m[i%2].Lock(t)
				defer m[i%2].Unlock(t)
				m[1-i%2].Lock(t)
				defer m[1-i%2].Unlock(t)
				if t.Choose(8) == 7 {
					panic("chosen")
				}
				for t.Choose(8) == 6 {
					t.Step("spin", 0)
				}
			})
		}
	}, func(r *Result) bool { outcomes[r.Outcome]++; return true })
	if outcomes[Done] == 0 || outcomes[Deadlock] == 0 || outcomes[Panicked] == 0 {
		t.Errorf("outcomes %v", outcomes)
	}
	if rep.Abandoned != 0 || runtime.NumGoroutine() > before {
		t.Errorf("%d given up, %d goroutines, were %d", rep.Abandoned, runtime.NumGoroutine(), before)
	}
}

func TestBodyThatSwallowsTheKillIsGivenUpAndCounted(t *testing.T) {
	s := New()
	r := s.Run(Options{Strategy: NewRandom(1)}, func(s *Sched) {
		var e Event
		e.Init(s, Label{Class: "never"})
		s.Go("swallower", func(t *Task) {
			for {
				func() {
					defer func() { _ = recover() }()
					e.Wait(t, "never")
				}()
			}
		})
	})
	if n := s.Close(); r.Outcome != Deadlock || n != 1 {
		t.Errorf("%v, %d given up", r, n)
	}
}

func TestLockOrderInversionIsReportedWithBothStacks(t *testing.T) {
	rep := Explore(context.Background(), Options{Strategy: NewBoundedDFS(0)}, func(s *Sched) {
		var a, b Mutex
		a.Init(s, Label{Class: "a"})
		b.Init(s, Label{Class: "b"})
		s.Go("t", func(t *Task) { lockAB(t, &a, &b); lockBA(t, &a, &b) })
	}, nil)
	if len(rep.Inversions) != 1 {
		t.Fatalf("%d inversions", len(rep.Inversions))
	}
	if s := rep.Inversions[0].String(); !strings.Contains(s, "lockAB") || !strings.Contains(s, "lockBA") {
		t.Error(s)
	}
}

func lockAB(t *Task, a, b *Mutex) { a.Lock(t); b.Lock(t); b.Unlock(t); a.Unlock(t) }
func lockBA(t *Task, a, b *Mutex) { b.Lock(t); a.Lock(t); a.Unlock(t); b.Unlock(t) }

func TestLocksOfAFileMustBeTakenByIndex(t *testing.T) {
	for _, ascending := range []bool{true, false} {
		rep := Explore(context.Background(), Options{Strategy: NewBoundedDFS(0)}, func(s *Sched) {
			var a, b Mutex
			a.Init(s, Label{Class: "folio lock", Of: "f", Index: 1, Many: true})
			b.Init(s, Label{Class: "folio lock", Of: "f", Index: 2, Many: true})
			s.Go("t", func(t *Task) {
				if ascending {
					lockAB(t, &a, &b)
				} else {
					lockBA(t, &a, &b)
				}
			})
		}, nil)
		if (len(rep.Inversions) == 0) != ascending {
			t.Errorf("ascending %v: %v", ascending, rep.Inversions)
		}
	}
}
