package sched

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// A toyBug is a small program with one of the four kinds of bug that the engine is about, and without it.
type toyBug struct {
	name  string
	setup func(s *Sched, mutant bool) (wrong func() bool)
	want  Outcome // of the bug, Done if wrong tells
	fair  bool    // needs a fair strategy
}

func toyBugs() []toyBug {
	return []toyBug{
		{"stale cache", staleCache, Done, false}, {"hook after unlock", hookAfterUnlock, Done, false},
		{"starvation", starvation, Starved, true}, {"AB-BA", abba, Deadlock, false},
	}
}

// noise starts bystanders that share nothing with the bug.
func noise(s *Sched, tasks, steps int) {
	for range tasks {
		obj := s.NewObj(Label{Class: "noise"})
		s.Go("bystander", func(t *Task) {
			for range steps {
				t.Step("noise", obj)
			}
		})
	}
}

// staleCache: a direct write that invalidates the page cache before it writes, and not after.
func staleCache(s *Sched, mutant bool) func() bool {
	disk, cache, cached := 0, 0, true
	diskObj, cacheObj := s.NewObj(Label{Class: "disk"}), s.NewObj(Label{Class: "i_pages"})
	var folio Mutex
	folio.Init(s, Label{Class: "folio lock"})
	invalidate := func(t *Task) {
		folio.Lock(t)
		t.Step("invalidate", cacheObj)
		cached = false
		folio.Unlock(t)
	}
	s.Go("writer", func(t *Task) {
		invalidate(t)
		t.Step("write", diskObj)
		disk = 1
		if !mutant {
			invalidate(t)
		}
	})
	s.Go("reader", func(t *Task) {
		folio.Lock(t)
		t.Step("read", diskObj)
		v := disk
		t.Step("add", cacheObj)
		cache, cached = v, true
		folio.Unlock(t)
	})
	noise(s, 2, 15)
	return func() bool { return cached && cache != disk }
}

// hookAfterUnlock: the hook of a write runs after the folio lock is dropped, when reclaim may have detached the folio's state.
func hookAfterUnlock(s *Sched, mutant bool) func() bool {
	dirty, detached, lost := false, false, false
	state := s.NewObj(Label{Class: "folio state"})
	var folio Mutex
	folio.Init(s, Label{Class: "folio lock"})
	hook := func(t *Task) {
		t.Step("hook", state)
		lost = lost || detached
	}
	s.Go("buf-writer", func(t *Task) {
		folio.Lock(t)
		t.Step("write", state)
		if detached {
			folio.Unlock(t)
			return
		}
		dirty = true
		if !mutant {
			hook(t)
		}
		folio.Unlock(t)
		if mutant {
			hook(t)
		}
	})
	s.Go("writeback", func(t *Task) {
		folio.Lock(t)
		t.Step("clean", state)
		dirty = false
		folio.Unlock(t)
	})
	s.Go("reclaim", func(t *Task) {
		for range 3 {
			if folio.TryLock(t) {
				t.Step("release", state)
				detached = detached || !dirty
				folio.Unlock(t)
			}
		}
	})
	noise(s, 1, 10)
	return func() bool { return lost }
}

// starvation: a lock of two states that lets in whoever comes in the state it is in.
func starvation(s *Sched, mutant bool) func() bool {
	var q WaitQueue
	q.Init(s, Label{Class: "two-state lock"})
	holders, waiting, done := 0, 0, false
	for range 2 {
		s.Go("buffered", func(t *Task) {
			for i := 0; i < 40 && !done; i++ {
				q.Wait(t, "lock A", func() bool { return mutant || waiting == 0 })
				holders++
				if waiting > 0 {
					q.Overtaken("lock B", 8)
				}
				t.Step("io", 0)
				if holders--; holders == 0 {
					q.Wake()
				}
			}
		})
	}
	s.Go("direct", func(t *Task) {
		waiting++
		q.Wait(t, "lock B", func() bool { return holders == 0 })
		waiting--
		done = true
		q.Wake()
	})
	return nil
}

func abba(s *Sched, mutant bool) func() bool {
	var a, b Mutex
	a.Init(s, Label{Class: "a"})
	b.Init(s, Label{Class: "b"})
	both := func(x, y *Mutex) func(*Task) {
		return func(t *Task) {
			for range 2 {
				x.Lock(t)
				y.Lock(t)
				y.Unlock(t)
				x.Unlock(t)
			}
		}
	}
	s.Go("one", both(&a, &b))
	if mutant {
		s.Go("two", both(&b, &a))
	} else {
		s.Go("two", both(&a, &b))
	}
	noise(s, 2, 20)
	return nil
}

// detect executes a toy until its bug shows and returns in which execution, 0 if it does not.
func (b *toyBug) detect(strategy Strategy, mutant bool, budget int) (execution int, token string) {
	var wrong func() bool
	o := Options{Name: "toy", Strategy: strategy, Budget: budget, MaxSteps: 5000}
	Explore(context.Background(), o, func(s *Sched) { wrong = b.setup(s, mutant) }, func(r *Result) bool {
		if b.shows(r, wrong) {
			execution, token = r.Execution, r.Token()
		}
		return execution == 0
	})
	return execution, token
}

func (b *toyBug) shows(r *Result, wrong func() bool) bool {
	return r.Outcome == b.want && (wrong == nil && r.Outcome != Done || wrong != nil && wrong())
}

func TestRotationFindsEveryToyBugAndNoneInTheCorrectPrograms(t *testing.T) {
	for _, b := range toyBugs() {
		if n, _ := b.detect(NewRotation(1), true, 3000); n == 0 {
			t.Errorf("%s: not found", b.name)
		}
		if n, token := b.detect(NewRotation(1), false, 1500); n != 0 {
			t.Errorf("%s: alarm on the correct program: %s", b.name, token)
		}
		if b.fair {
			continue
		}
		if n, _ := b.detect(NewDPOR(0), true, 5000); n == 0 {
			t.Errorf("%s: not found by DPOR", b.name)
		}
	}
}

func TestDPORProvesTheCorrectToys(t *testing.T) {
	for _, b := range toyBugs() {
		if b.fair {
			continue
		}
		var wrong func() bool
		rep := Explore(context.Background(), Options{Strategy: NewDPOR(20000)}, func(s *Sched) { wrong = b.setup(s, false) },
			func(r *Result) bool { return !b.shows(r, wrong) })
		if !rep.Complete {
			t.Errorf("%s: %v", b.name, rep)
		}
		t.Logf("%s: %v, %d pruned", b.name, rep, rep.Pruned)
	}
}

// TestDetectionTable logs how many executions each strategy needs for each toy bug: the mean over seeds, and how many missed.
func TestDetectionTable(t *testing.T) {
	if testing.Short() {
		t.Skip("a table for people")
	}
	strategies := []func(uint64) Strategy{
		func(s uint64) Strategy { return NewRandom(s) }, func(s uint64) Strategy { return NewPCT(2, s) },
		func(s uint64) Strategy { return NewPCT(3, s) }, func(s uint64) Strategy { return NewPCT(5, s) },
		func(s uint64) Strategy { return NewPOS(s) }, func(s uint64) Strategy { return NewURW(s) },
		func(s uint64) Strategy { return NewSURW(s) }, func(s uint64) Strategy { return NewFair(NewPCT(3, s), 200) },
		func(s uint64) Strategy { return NewRotation(s) },
	}
	const seeds, budget = 10, 1000
	for _, b := range toyBugs() {
		var row strings.Builder
		for _, make := range strategies {
			sum, missed := 0, 0
			name := make(0).Name()
			for seed := range uint64(seeds) {
				n, _ := b.detect(make(seed), true, budget)
				if n == 0 {
					missed++
				}
				sum += n
			}
			fmt.Fprintf(&row, "  %s %.1f", name, float64(sum)/float64(max(1, seeds-missed)))
			if missed > 0 {
				fmt.Fprintf(&row, " (%d missed)", missed)
			}
		}
		t.Logf("%-18s%s", b.name, row.String())
	}
}
