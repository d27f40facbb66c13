package sched

import "math/bits"

// maxTasks is how many tasks of one execution a taskSet can tell apart.
const maxTasks = 256

// taskSet is a set of task numbers below maxTasks.
type taskSet [maxTasks / 64]uint64

func (s *taskSet) add(t int32)      { s[t>>6] |= 1 << (t & 63) }
func (s *taskSet) has(t int32) bool { return s[t>>6]>>(t&63)&1 != 0 }

func (s *taskSet) overlaps(o *taskSet) bool {
	for i := range s {
		if s[i]&o[i] != 0 {
			return true
		}
	}
	return false
}

// minus returns the members that are not in o.
func (s taskSet) minus(o taskSet) taskSet {
	for i := range s {
		s[i] &^= o[i]
	}
	return s
}

// and returns the members that are in o as well.
func (s taskSet) and(o taskSet) taskSet {
	for i := range s {
		s[i] &= o[i]
	}
	return s
}

// least returns the smallest member, -1 if there is none.
func (s *taskSet) least() int32 {
	for i, w := range s {
		if w != 0 {
			return int32(i*64 + bits.TrailingZeros64(w))
		}
	}
	return -1
}
