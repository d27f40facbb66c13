package model

import "github.com/iomapcheck/iomapcheck/refengine/sched"

// arena keeps the programs' buffers, also from one execution of a scheduler to the next.
type arena struct {
	execution uint64
	free      map[int64][][]byte // by length
	lent      [][]byte           // to requests that may still be under way when the execution ends
}

// arenaKey is the arena's name among what a scheduler keeps.
type arenaKey struct{}

func arenaOf(s *sched.Sched) *arena {
	a := s.Kept(arenaKey{}, func() any { return &arena{free: map[int64][][]byte{}} }).(*arena)
	if a.execution != s.Execution() {
		a.execution = s.Execution()
		for _, p := range a.lent {
			a.giveBack(p)
		}
		a.lent = a.lent[:0]
	}
	return a
}

// bytes returns a buffer with arbitrary contents. It is lost unless it is lent or given back.
func (a *arena) bytes(n int64) []byte {
	list := a.free[n]
	if k := len(list); k > 0 {
		a.free[n] = list[:k-1]
		return list[k-1]
	}
	return make([]byte, n)
}

// lend keeps a buffer for an asynchronous request until the execution has ended.
func (a *arena) lend(p []byte) {
	if p != nil {
		a.lent = append(a.lent, p)
	}
}

// giveBack takes a buffer that nothing refers to any more.
func (a *arena) giveBack(p []byte) {
	if p != nil {
		a.free[int64(len(p))] = append(a.free[int64(len(p))], p)
	}
}
