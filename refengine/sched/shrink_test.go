package sched

import (
	"errors"
	"fmt"
	"testing"
)

// shrinkToy finds a toy's bug at random and shrinks it.
func shrinkToy(t *testing.T, b toyBug, strategy Strategy) Shrunk {
	t.Helper()
	n, token := b.detect(strategy, true, 4000)
	if n == 0 {
		t.Fatalf("%s: not found", b.name)
	}
	var wrong func() bool
	setup := func(s *Sched) { wrong = b.setup(s, true) }
	fails := func(r *Result) bool { return b.shows(r, wrong) }
	z, err := Shrink(token, Options{Name: "toy", MaxSteps: 5000}, setup, fails)
	if err != nil {
		t.Fatalf("%s: %v", b.name, err)
	}
	r, err := Replay(z.Token, Options{Name: "toy", MaxSteps: 5000}, setup)
	if err != nil || !fails(r) {
		t.Errorf("%s: the shrunk token replays to %v, %v", b.name, r, err)
	}
	return z
}

func TestShrinkLeavesFewSwitchesAndAShortToken(t *testing.T) {
	for _, b := range toyBugs() {
		for seed := range uint64(5) {
			z := shrinkToy(t, b, Rotate(NewRandom(seed), NewPOS(seed)))
			if z.Result.Switches() > 6 || z.Result.Switches() > z.Before || len(z.Token) > 64 {
				t.Errorf("%s: %d switches, were %d: %s", b.name, z.Result.Switches(), z.Before, z.Token)
			}
			if seed == 0 {
				t.Logf("%s: %d switches to %d in %d replays: %s", b.name, z.Before, z.Result.Switches(), z.Replays, z.Token)
			}
		}
	}
}

func TestShrinkRefusesATokenThatDoesNotFail(t *testing.T) {
	b := toyBugs()[0]
	_, token := b.detect(NewRandom(1), true, 1000)
	o := Options{Name: "toy"}
	_, err := Shrink(token, o, func(s *Sched) { b.setup(s, true) }, func(*Result) bool { return false })
	if err == nil {
		t.Error("nothing failed, and it was shrunk")
	}
	if _, err = Shrink(token, Options{Name: "other"}, func(*Sched) {}, nil); err == nil {
		t.Error("a token of another program was accepted")
	}
	if _, err = Shrink(token, o, func(s *Sched) { s.Go("t", func(*Task) {}) }, nil); !errors.Is(err, ErrDiverged) {
		t.Errorf("another program under the same name: %v", err)
	}
}

// Data choices shrink too, and the ones that matter stay.
func TestShrinkKeepsOnlyTheDataChoicesThatMatter(t *testing.T) {
	var picked []int
	setup := func(s *Sched) {
		picked = picked[:0]
		s.Go("t", func(t *Task) {
			for range 6 {
				picked = append(picked, t.Choose(4))
			}
		})
	}
	fails := func(*Result) bool { return len(picked) == 6 && picked[3] >= 2 }
	var token string
	s := New()
	defer s.Close()
	for random := NewRandom(1); token == ""; {
		if r := s.Run(Options{Name: "data", Strategy: random}, setup); fails(r) && r.Switches() > 3 {
			token = r.Token()
		}
	}
	z, err := Shrink(token, Options{Name: "data"}, setup, fails)
	if err != nil || z.Result.Switches() != 1 {
		t.Errorf("%v, %v", z, err)
	}
}

// Whatever the token, replay and shrink come to an end without a panic; where shrink succeeds, what it returns fails.
func FuzzReplayAndShrinkOfAnyToken(f *testing.F) {
	for seed := range uint64(8) {
		s := New()
		r := s.Run(Options{Name: "toy", Strategy: NewRandom(seed)}, toy(seed))
		f.Add(r.Token(), seed)
		s.Close()
	}
	f.Add("t2.toy.0000000000000000.AAEAAgAE", uint64(3))
	f.Fuzz(func(t *testing.T, token string, seed uint64) {
		o := Options{Name: "toy", MaxSteps: 2000}
		if _, err := Replay(token, o, toy(seed)); err != nil {
			return
		}
		fails := func(r *Result) bool { return r.Outcome == Done && r.Steps > 4 }
		z, err := Shrink(token, o, toy(seed), fails)
		if err == nil && (!fails(z.Result) || z.Result.Switches() > z.Before) {
			t.Error(fmt.Sprint(z.Token), z.Result)
		}
	})
}
