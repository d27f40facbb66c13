package fs

import "github.com/iomapcheck/iomapcheck/refengine/sched"

// rangeLock excludes users of overlapping byte ranges of one file; analogous to EXTENT_LOCKED bits in btrfs' extent_io_tree. A
// range may be unlocked by another task than the one that locked it: I/O completions do.
type rangeLock struct {
	q      sched.WaitQueue
	ranges []byteRange
}

// byteRange is half-open.
type byteRange struct{ pos, end int64 }

func (r *rangeLock) init(s *sched.Sched, file string) {
	r.q.Init(s, sched.Label{Class: "extent lock", Of: file})
}

// lock waits until no part of [pos, end) is locked, and locks it (lock_extent).
func (r *rangeLock) lock(t *sched.Task, pos, end int64) {
	r.q.Wait(t, "lock_extent", func() bool { return !r.overlaps(pos, end) })
	r.ranges = append(r.ranges, byteRange{pos, end})
}

func (r *rangeLock) overlaps(pos, end int64) bool {
	for _, x := range r.ranges {
		if x.pos < end && pos < x.end {
			return true
		}
	}
	return false
}

// unlock unlocks exactly what lock locked (unlock_extent). It is not a scheduling point.
func (r *rangeLock) unlock(pos, end int64) {
	for i, x := range r.ranges {
		if x.pos == pos && x.end == end {
			r.ranges = append(r.ranges[:i], r.ranges[i+1:]...)
			r.q.Wake()
			return
		}
	}
	panic("fs: unlock of an extent range that is not locked")
}
