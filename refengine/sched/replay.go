package sched

import (
	"errors"
	"fmt"
)

// ErrDiverged says that a replay did not reproduce the execution its token was taken from: the program or the engine has
// changed since, or is not deterministic.
var ErrDiverged = errors.New("replay diverged")

// replayer is the Strategy that makes a token's choices.
type replayer struct {
	path []deviation
	gap  uint32 // defaults made since the last deviation
	err  error
}

func (r *replayer) Name() string { return "replay" }

func (r *replayer) Begin() bool { return true }

func (r *replayer) Pick(s *Sched, cur *Task, enabled []*Task) *Task {
	choice, ok := r.take()
	if !ok {
		return byDefault(cur, enabled)
	}
	for _, t := range enabled {
		if uint32(t.id)<<1 == choice {
			return t
		}
	}
	if choice&1 != 0 {
		return r.diverge(s, "a task is to be chosen, the token has a data choice")
	}
	return r.diverge(s, fmt.Sprintf("task %d cannot run", choice>>1))
}

func (r *replayer) Choose(s *Sched, n int) int {
	choice, ok := r.take()
	if !ok {
		return 0
	}
	if choice&1 == 0 || uint64(choice>>1) >= uint64(n) {
		r.diverge(s, "the token has no such data choice")
		return 0
	}
	return int(choice >> 1)
}

// take returns the next choice of the token, false for the default.
func (r *replayer) take() (uint32, bool) {
	if len(r.path) == 0 || r.gap < r.path[0].gap {
		r.gap++
		return 0, false
	}
	choice := r.path[0].choice
	r.path, r.gap = r.path[1:], 0
	return choice, true
}

func (r *replayer) diverge(s *Sched, why string) *Task {
	if r.err == nil {
		r.err = fmt.Errorf("%w at step %d: %s", ErrDiverged, s.steps, why)
	}
	s.end(Pruned, r.err.Error())
	return nil
}

func (r *replayer) End(*Result) {}

// Replay executes the program once more with the choices of a token, tracing it. The result is the same, step by step; if
// it is not, the error is ErrDiverged and the result is what happened instead.
func Replay(token string, o Options, setup func(*Sched)) (*Result, error) {
	name, hash, path, err := parseToken(token)
	if err != nil {
		return nil, err
	}
	if name != tokenName(o.Name) {
		return nil, fmt.Errorf("replay token: it is of program %q, not %q", name, o.Name)
	}
	r := &replayer{path: path}
	s := New()
	defer s.Close()
	o.Trace = true
	res := s.execution(o, r, setup)
	return res, r.check(res, hash)
}

// check returns ErrDiverged unless the execution is the one that the token tells of.
func (r *replayer) check(res *Result, hash uint64) error {
	switch {
	case r.err != nil:
		return r.err
	case len(r.path) != 0:
		return fmt.Errorf("%w: it ended with %d choices of the token left", ErrDiverged, len(r.path))
	case res.Hash != hash:
		return fmt.Errorf("%w: trace hash %016x, token has %016x", ErrDiverged, res.Hash, hash)
	}
	return nil
}
