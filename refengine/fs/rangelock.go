package fs

import (
	"slices"

	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// rangeLock excludes users of overlapping byte ranges of one file; analogous to EXTENT_LOCKED bits in btrfs' extent_io_tree. A
// range may be unlocked by another task than the one that locked it: I/O completions do.
type rangeLock struct {
	q      sched.WaitQueue
	ranges []byteRange
	// ordered are the ranges of direct writes in flight; analogous to the inode's tree of ordered extents.
	ordered []byteRange
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

func (r *rangeLock) overlaps(pos, end int64) bool { return overlap(r.ranges, pos, end) }

func overlap(ranges []byteRange, pos, end int64) bool {
	return slices.ContainsFunc(ranges, func(x byteRange) bool { return x.pos < end && pos < x.end })
}

// lockFinished is lock that also waits until no ordered extent is left in the range, with the range unlocked meanwhile
// (btrfs_lock_and_flush_ordered_range).
func (r *rangeLock) lockFinished(t *sched.Task, pos, end int64) {
	r.q.Wait(t, "btrfs_start_ordered_extent", func() bool { return !r.overlaps(pos, end) && !overlap(r.ordered, pos, end) })
	r.ranges = append(r.ranges, byteRange{pos, end})
}

// order notes an ordered extent (btrfs_alloc_ordered_extent).
func (r *rangeLock) order(pos, end int64) { r.ordered = append(r.ordered, byteRange{pos, end}) }

// finishOrdered removes the ordered extents inside the range. It is not a scheduling point.
func (r *rangeLock) finishOrdered(pos, end int64) {
	r.ordered = slices.DeleteFunc(r.ordered, func(x byteRange) bool { return pos <= x.pos && x.end <= end })
	r.q.Wake()
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
