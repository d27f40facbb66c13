package sched

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// toy builds a random program over locks, semaphores, counters, data choices, sleeps and spawned tasks.
func toy(seed uint64) func(*Sched) {
	return func(s *Sched) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var m [2]Mutex
		var sem RWSem
		var c Counter
		var q WaitQueue
		for i := range m {
			m[i].Init(s, Label{Class: "m", Index: int64(i), Many: true})
		}
		sem.Init(s, Label{Class: "sem"})
		c.Init(s, Label{Class: "c"})
		q.Init(s, Label{Class: "q"})
		shared := 0
		for range 2 + rng.IntN(3) {
			script := make([]int, 1+rng.IntN(5))
			for i := range script {
				script[i] = rng.IntN(8)
			}
			s.Go("t", func(t *Task) {
				for _, op := range script {
					toyStep(t, op, &m, &sem, &c, &q, &shared)
				}
			})
		}
	}
}

func toyStep(t *Task, op int, m *[2]Mutex, sem *RWSem, c *Counter, q *WaitQueue, shared *int) {
	switch op {
	case 0, 1:
		m[op].Lock(t)
		t.Sched().Note(uint64(*shared))
		*shared++
		if *shared%3 == 0 {
			m[1-op].Lock(t) // in both orders: deadlocks happen
			m[1-op].Unlock(t)
		}
		m[op].Unlock(t)
	case 2:
		sem.RLock(t)
		t.Sched().Note(uint64(*shared))
		sem.RUnlock(t)
	case 3:
		sem.Lock(t)
		*shared *= 2
		sem.Unlock(t)
	case 4:
		c.Add(1)
		t.Go("child", func(t *Task) { t.Step("child", 0); c.Add(-1) })
		c.WaitZero(t, "c")
	case 5:
		*shared += t.Choose(3)
	case 6:
		t.Sleep(1)
	case 7:
		q.Wait(t, "q", func() bool { return *shared > 0 })
		q.Wake()
	}
	*shared++
	q.Wake()
}

func TestReplayReproducesEveryExecution(t *testing.T) {
	outcomes := map[Outcome]int{}
	for seed := range uint64(1000) {
		o := Options{Name: fmt.Sprint("toy.", seed), Strategy: NewRandom(seed), Budget: 1, Trace: true}
		var token string
		var want []TraceStep
		var outcome Outcome
		Explore(context.Background(), o, toy(seed), func(r *Result) bool {
			token, want, outcome = r.Token(), append([]TraceStep(nil), r.Trace...), r.Outcome
			return true
		})
		outcomes[outcome]++
		got, err := Replay(token, o, toy(seed))
		if err != nil || got.Outcome != outcome || len(got.Trace) != len(want) {
			t.Fatalf("seed %d: %v, %v and not %v, %s", seed, err, got, outcome, token)
		}
		for i := range want {
			if got.Trace[i] != want[i] {
				t.Fatalf("seed %d step %d: %v and not %v", seed, i, got.Trace[i], want[i])
			}
		}
	}
	if outcomes[Done] < 100 || outcomes[Deadlock] == 0 {
		t.Errorf("outcomes %v: the toys are too tame", outcomes)
	}
}

func TestReplayOfAChangedProgramSaysDiverged(t *testing.T) {
	program := func(extra bool, note uint64) func(*Sched) {
		return func(s *Sched) {
			for range 2 {
				s.Go("t", func(t *Task) {
					t.Step("a", 1)
					if extra {
						t.Step("b", 1)
					}
					t.Sched().Note(note)
				})
			}
		}
	}
	o := Options{Name: "p", Strategy: NewRandom(4), Budget: 1}
	var token string
	Explore(context.Background(), o, program(false, 1), func(r *Result) bool { token = r.Token(); return true })
	for what, p := range map[string]func(*Sched){"a step more": program(true, 1), "other data": program(false, 2)} {
		if _, err := Replay(token, o, p); !errors.Is(err, ErrDiverged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := Replay(token, o, program(false, 1)); err != nil {
		t.Errorf("unchanged: %v", err)
	}
	if _, err := Replay(token, Options{Name: "other"}, program(false, 1)); err == nil {
		t.Error("a token of another program was accepted")
	}
}

func FuzzTokenParserNeverPanics(f *testing.F) {
	f.Add("t2.p.0000000000000000.AAEC")
	f.Add("t2...")
	f.Fuzz(func(t *testing.T, token string) {
		name, hash, path, err := parseToken(token)
		if err != nil {
			return
		}
		name2, hash2, path2, err := parseToken(formatToken(name, hash, path))
		if err != nil || name2 != name || hash2 != hash || !slices.Equal(path2, path) {
			t.Errorf("%q does not round-trip: %v", token, err)
		}
	})
}
