package fs

import (
	"slices"

	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// rangeLock excludes users of overlapping byte ranges of one file; analogous to EXTENT_LOCKED bits in btrfs' extent_io_tree. A
// range may be unlocked by another task than the one that locked it: I/O completions do. So the lock-order checker is told what it is
// taken under, and not what is taken under it.
type rangeLock struct {
	q      sched.WaitQueue
	ranges []lockedRange
	// ordered are the ranges of writes under way; analogous to the inode's tree of ordered extents.
	ordered []orderedExtent
}

// byteRange is half-open.
type byteRange struct{ pos, end int64 }

func (x byteRange) overlaps(pos, end int64) bool { return x.pos < end && pos < x.end }

// lockedRange is a range somebody has locked.
type lockedRange struct {
	byteRange
	finishing bool // to finish an ordered extent (EXTENT_FINISHING_ORDERED)
}

// orderedExtent is data on its way to blocks that the file's metadata does not name yet; analogous to struct btrfs_ordered_extent.
type orderedExtent struct {
	byteRange
	direct bool // BTRFS_ORDERED_DIRECT
}

func (r *rangeLock) init(s *sched.Sched, class, file string) {
	r.q.Init(s, sched.Label{Class: class, Of: file})
}

// lock waits until no part of [pos, end) is locked, and locks it (lock_extent).
func (r *rangeLock) lock(t *sched.Task, pos, end int64) {
	t.Acquiring(r.q.Obj())
	r.q.Wait(t, "lock_extent", func() bool { return !r.locked(pos, end) })
	r.take(pos, end, false)
}

// lockFinishing is lock for the work that finishes an ordered extent: the folios of the range may be released meanwhile.
func (r *rangeLock) lockFinishing(t *sched.Task, pos, end int64) {
	t.Acquiring(r.q.Obj())
	r.q.Wait(t, "lock_extent", func() bool { return !r.locked(pos, end) })
	r.take(pos, end, true)
}

// tryLock is lock for those who must not wait.
func (r *rangeLock) tryLock(t *sched.Task, pos, end int64) bool {
	t.Step("try_lock_extent", r.q.Obj())
	if r.locked(pos, end) {
		return false
	}
	r.take(pos, end, false)
	return true
}

func (r *rangeLock) take(pos, end int64, finishing bool) {
	r.ranges = append(r.ranges, lockedRange{byteRange{pos, end}, finishing})
}

func (r *rangeLock) locked(pos, end int64) bool {
	return slices.ContainsFunc(r.ranges, func(x lockedRange) bool { return x.overlaps(pos, end) })
}

// busy says whether part of the range is locked by somebody who is not just finishing an ordered extent.
func (r *rangeLock) busy(pos, end int64) bool {
	return slices.ContainsFunc(r.ranges, func(x lockedRange) bool { return !x.finishing && x.overlaps(pos, end) })
}

// hasOrdered returns an ordered extent of the range, a direct one if there is one; false if there is none.
func (r *rangeLock) hasOrdered(pos, end int64) (found orderedExtent, ok bool) {
	for _, x := range r.ordered {
		if x.overlaps(pos, end) && (!ok || x.direct) {
			found, ok = x, true
		}
	}
	return found, ok
}

// waitOrdered waits until no ordered extent is left in the range (btrfs_wait_ordered_range).
func (r *rangeLock) waitOrdered(t *sched.Task, pos, end int64) {
	r.q.Wait(t, "btrfs_start_ordered_extent", func() bool {
		_, some := r.hasOrdered(pos, end)
		return !some
	})
}

// lockFinished is lock that also waits until no ordered extent is left in the range, with the range unlocked meanwhile
// (btrfs_lock_and_flush_ordered_range).
func (r *rangeLock) lockFinished(t *sched.Task, pos, end int64) {
	t.Acquiring(r.q.Obj())
	t.Reads(r.q.Obj())
	in := "btrfs_start_ordered_extent"
	if r.locked(pos, end) {
		in = "lock_extent"
	}
	r.q.Wait(t, in, func() bool {
		_, some := r.hasOrdered(pos, end)
		return !some && !r.locked(pos, end)
	})
	r.take(pos, end, false)
}

// order notes an ordered extent (btrfs_alloc_ordered_extent).
func (r *rangeLock) order(t *sched.Task, pos, end int64, direct bool) {
	t.Writes(r.q.Obj())
	r.ordered = append(r.ordered, orderedExtent{byteRange{pos, end}, direct})
}

// finishOrdered takes [pos, end) out of the ordered extent that holds it, which may be a part (btrfs_split_ordered_extent,
// btrfs_remove_ordered_extent). It is not a scheduling point.
func (r *rangeLock) finishOrdered(t *sched.Task, pos, end int64, direct bool) {
	t.Writes(r.q.Obj())
	i := slices.IndexFunc(r.ordered, func(x orderedExtent) bool { return x.direct == direct && x.pos <= pos && end <= x.end })
	if i < 0 {
		panic("fs: an ordered extent is finished that there is not")
	}
	x := r.ordered[i]
	r.ordered = slices.Delete(r.ordered, i, i+1)
	if x.pos < pos {
		r.ordered = append(r.ordered, orderedExtent{byteRange{x.pos, pos}, direct})
	}
	if end < x.end {
		r.ordered = append(r.ordered, orderedExtent{byteRange{end, x.end}, direct})
	}
	r.q.Wake()
}

// unlock unlocks [pos, end), which is a locked range or a part of one (unlock_extent). It is not a scheduling point.
func (r *rangeLock) unlock(t *sched.Task, pos, end int64) {
	t.Writes(r.q.Obj())
	i := slices.IndexFunc(r.ranges, func(x lockedRange) bool { return x.pos <= pos && end <= x.end })
	if i < 0 {
		panic("fs: unlock of an extent range that is not locked")
	}
	x := r.ranges[i]
	r.ranges = slices.Delete(r.ranges, i, i+1)
	for _, rest := range []byteRange{{x.pos, pos}, {end, x.end}} {
		if rest.pos < rest.end {
			r.ranges = append(r.ranges, lockedRange{rest, x.finishing})
		}
	}
	r.q.Wake()
}
