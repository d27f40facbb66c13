package model

import "github.com/iomapcheck/iomapcheck/refengine/sched"

// arena keeps the programs' buffers from one execution of a scheduler to the next. None is used twice in one execution: a request
// may still be writing into it.
type arena struct {
	execution uint64
	free      map[int64][][]byte // by length
	used      [][]byte
}

// arenaKey is the arena's name among what a scheduler keeps.
type arenaKey struct{}

func arenaOf(s *sched.Sched) *arena {
	a := s.Kept(arenaKey{}, func() any { return &arena{free: map[int64][][]byte{}} }).(*arena)
	if a.execution != s.Execution() {
		a.execution = s.Execution()
		for _, p := range a.used {
			a.free[int64(len(p))] = append(a.free[int64(len(p))], p)
		}
		a.used = a.used[:0]
	}
	return a
}

// bytes returns a buffer with arbitrary contents.
func (a *arena) bytes(n int64) []byte {
	list := a.free[n]
	var p []byte
	if k := len(list); k > 0 {
		p, a.free[n] = list[k-1], list[:k-1]
	} else {
		p = make([]byte, n)
	}
	a.used = append(a.used, p)
	return p
}
