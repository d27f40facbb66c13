package sched

import (
	"context"
	"fmt"
	"testing"
)

// steps returns a program of tasks that take so many independent steps each.
func steps(counts ...int) func(*Sched) {
	return func(s *Sched) {
		for i, n := range counts {
			s.Go(fmt.Sprint("t", i), func(t *Task) {
				for range n {
					t.Step("s", 0)
				}
			})
		}
	}
}

// A task of n steps has n+1 points with its start, so tasks of a and b steps have binomial(a+b+2, a+1) schedules.
func TestDFSExecutesEveryScheduleOnce(t *testing.T) {
	for _, c := range []struct {
		counts []int
		want   int
	}{
		{[]int{0, 0}, 2}, {[]int{1, 1}, 6}, {[]int{2, 1}, 10}, {[]int{2, 2}, 20}, {[]int{0, 0, 0}, 6}, {[]int{1, 1, 1}, 90},
	} {
		seen := map[uint64]bool{}
		rep := Explore(context.Background(), Options{Strategy: NewDFS()}, steps(c.counts...), func(r *Result) bool {
			seen[r.Hash] = true
			return true
		})
		if rep.Executions != c.want || len(seen) != c.want || !rep.Complete {
			t.Errorf("%v: %v, %d distinct, want %d", c.counts, rep, len(seen), c.want)
		}
	}
}

func TestDFSSaysCompleteOnlyWhenItIs(t *testing.T) {
	rep := Explore(context.Background(), Options{Strategy: NewDFS(), Budget: 5}, steps(1, 1), nil)
	if rep.Complete || rep.String() != "5 schedules" {
		t.Error(rep)
	}
	rep = Explore(context.Background(), Options{Strategy: NewDFS()}, steps(1, 1), nil)
	if rep.String() != "6 schedules, complete" {
		t.Error(rep)
	}
}

func TestDFSEnumeratesDataChoices(t *testing.T) {
	seen := map[[2]int]bool{}
	rep := Explore(context.Background(), Options{Strategy: NewDFS()}, func(s *Sched) {
		s.Go("t", func(t *Task) { seen[[2]int{t.Choose(3), t.Choose(2)}] = true })
	}, nil)
	if rep.Executions != 6 || len(seen) != 6 {
		t.Errorf("%v, %d combinations", rep, len(seen))
	}
}

// One task of a and one of b steps: without preemption 2 schedules, with at most one a+b+4-... more.
func TestBoundedDFSStopsPreempting(t *testing.T) {
	last := 0
	for bound := range 4 {
		rep := Explore(context.Background(), Options{Strategy: NewBoundedDFS(bound)}, steps(2, 2), nil)
		if !rep.Complete || rep.Executions <= last {
			t.Errorf("bound %d: %v, %d with one less", bound, rep, last)
		}
		if bound == 0 && rep.Executions != 2 {
			t.Errorf("without preemption: %v", rep)
		}
		last = rep.Executions
	}
	if last > 20 {
		t.Errorf("%d schedules within bounds, of 20", last)
	}
}

// Every strategy finds a lost update, and only DFS proves the locked version free of it.
func TestStrategiesFindALostUpdate(t *testing.T) {
	value := 0
	program := func(locked bool) func(*Sched) {
		return func(s *Sched) {
			value = 0
			var m Mutex
			m.Init(s, Label{Class: "m"})
			for range 2 {
				s.Go("t", func(t *Task) {
					if locked {
						m.Lock(t)
						defer m.Unlock(t)
					}
					t.Step("read", 1)
					v := value
					t.Step("write", 1)
					value = v + 1
				})
			}
		}
	}
	for name, s := range map[string]Strategy{"random": NewRandom(1), "pct": NewPCT(2, 1), "dfs": NewDFS()} {
		found := 0
		Explore(context.Background(), Options{Strategy: s, Budget: 200}, program(false), func(r *Result) bool {
			if value != 2 {
				found = r.Execution
			}
			return found == 0
		})
		if found == 0 {
			t.Errorf("%s: not found", name)
		}
	}
	rep := Explore(context.Background(), Options{Strategy: NewDFS()}, program(true), func(*Result) bool { return value == 2 })
	if !rep.Complete {
		t.Errorf("locked: %v", rep)
	}
}

func TestPointAllocatesNothing(t *testing.T) {
	s := New()
	defer s.Close()
	o := Options{Strategy: NewRandom(1)}
	setup := steps(1000, 1000, 1000)
	s.Run(o, setup)
	perRun := testing.AllocsPerRun(10, func() { s.Run(o, setup) })
	if perRun > 60 { // 3009 points; tasks' names and closures are the program's own
		t.Errorf("%v allocations for 3000 points", perRun)
	}
}
