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
	runs []run
	at   int
	used uint32
	err  error
}

func (r *replayer) Begin() bool { return true }

func (r *replayer) Pick(s *Sched, _ *Task, enabled []*Task) *Task {
	choice, ok := r.take()
	if !ok || choice&1 != 0 {
		return r.diverge(s, "no task choice left in the token")
	}
	for _, t := range enabled {
		if uint32(t.id)<<1 == choice {
			return t
		}
	}
	return r.diverge(s, fmt.Sprintf("task %d cannot run", choice>>1))
}

func (r *replayer) Choose(s *Sched, n int) int {
	choice, ok := r.take()
	if !ok || choice&1 == 0 || int(choice>>1) >= n {
		r.diverge(s, "no data choice left in the token")
		return 0
	}
	return int(choice >> 1)
}

func (r *replayer) take() (uint32, bool) {
	if r.at == len(r.runs) {
		return 0, false
	}
	choice := r.runs[r.at].choice
	if r.used++; r.used >= r.runs[r.at].n {
		r.at, r.used = r.at+1, 0
	}
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
	name, hash, runs, err := parseToken(token)
	if err != nil {
		return nil, err
	}
	if name != tokenName(o.Name) {
		return nil, fmt.Errorf("replay token: it is of program %q, not %q", name, o.Name)
	}
	r := &replayer{runs: runs}
	s := New()
	defer s.Close()
	o.Trace = true
	res := s.execution(o, r, setup)
	switch {
	case r.err != nil:
		return res, r.err
	case r.at != len(runs):
		return res, fmt.Errorf("%w: it ended with %d choices of the token left", ErrDiverged, len(runs)-r.at)
	case res.Hash != hash:
		return res, fmt.Errorf("%w: trace hash %016x, token has %016x", ErrDiverged, res.Hash, hash)
	}
	return res, nil
}
