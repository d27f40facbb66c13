package sched

import (
	"context"
	"testing"
)

// racers has two tasks add to a list, and then, calm or not, three more.
func racers(calm bool, got *string) func(*Sched) {
	return func(s *Sched) {
		*got = ""
		list := s.NewObj(Label{Class: "list"})
		add := func(c string) func(*Task) {
			return func(t *Task) {
				t.Step("add", list)
				*got += c
			}
		}
		s.Go("main", func(t *Task) {
			a, b := t.Go("a", add("a")), t.Go("b", add("b"))
			t.Join(a)
			t.Join(b)
			if calm {
				t.Calm()
			}
			x, y, z := t.Go("x", add("x")), t.Go("y", add("y")), t.Go("z", add("z"))
			t.Join(x)
			t.Join(y)
			t.Join(z)
		})
	}
}

func TestWhatComesAfterCalmIsOneScheduleForEachBeforeIt(t *testing.T) {
	for _, c := range []struct {
		calm bool
		want int
	}{{false, 12}, {true, 2}} {
		var got string
		finals := map[string]bool{}
		rep := Explore(context.Background(), Options{Name: "calm", Strategy: NewDPOR(0)}, racers(c.calm, &got), func(r *Result) bool {
			finals[got] = true
			if again, err := Replay(r.Token(), Options{Name: "calm"}, racers(c.calm, &got)); err != nil || again.Hash != r.Hash {
				t.Errorf("replay: %v", err)
			}
			return true
		})
		if !rep.Complete || rep.Executions != c.want || len(finals) != c.want {
			t.Errorf("calm %t: %v with %d outcomes, want %d", c.calm, rep, len(finals), c.want)
		}
	}
}

func TestCalmWaitsForEverybodyElse(t *testing.T) {
	var done, calm bool
	rep := Explore(context.Background(), Options{Name: "calm", Strategy: NewRandom(1), Budget: 50}, func(s *Sched) {
		done, calm = false, false
		s.Go("worker", func(t *Task) {
			for range 5 {
				t.Step("work", 0)
			}
			done = true
		})
		s.Go("main", func(t *Task) {
			t.Calm()
			calm = done
		})
	}, func(*Result) bool { return calm })
	if rep.Executions != 50 {
		t.Errorf("after %d executions main went on before the worker had ended", rep.Executions)
	}
}
