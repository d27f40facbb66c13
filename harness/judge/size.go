package judge

import (
	"slices"
	"sort"
)

// sizeChange is how an operation may have changed a file's size: truncate sets it to hi, a write makes it at least hi. A change under
// way, and one that is not definite, may have brought any value from lo to hi about.
type sizeChange struct {
	lo, hi   int64
	set      bool
	definite bool
}

// sizes answers which sizes a file may have had. Changes of the same values are one group, however often a loop made them.
type sizes struct {
	groups map[sizeChange]*intervals
	order  []sizeChange // by hi
	marks  []int64      // every hi and 0, in order: between them nothing changes
	// shifted is when a range was first collapsed or inserted: from then on nothing is known.
	shifted int
}

// newSizes begins with an empty file.
func newSizes() *sizes {
	s := &sizes{groups: map[sizeChange]*intervals{}, shifted: never}
	s.add(sizeChange{0, 0, true, true}, interval{before, before})
	return s
}

func (s *sizes) add(c sizeChange, i interval) {
	if s.groups[c] == nil {
		s.groups[c] = &intervals{}
		s.order = append(s.order, c)
		s.marks = append(s.marks, c.hi)
	}
	s.groups[c].add(i)
}

// index must be called between the last add and the first question.
func (s *sizes) index() {
	sort.Slice(s.order, func(i, j int) bool { return s.order[i].hi < s.order[j].hi })
	slices.Sort(s.marks)
	s.marks = slices.Compact(s.marks)
	for _, g := range s.groups {
		g.index()
	}
}

// sizeSet is the sizes that a file may have had while an operation ran, as ranges of which both ends belong to it.
type sizeSet struct {
	ranges [][2]int64
	// unknown: nothing is known; any size may be.
	unknown bool
	// moving: a truncate was under way, so that an operation may have met one size at its beginning and another later.
	moving bool
}

// during is the set for an operation.
//
//   - A size comes from a change that began before the operation ended, and that no later truncate had settled before the
//     operation began.
//   - It is not smaller than what a change had settled before the operation began, unless a truncate to no more than it
//     may have come after that change.
func (s *sizes) during(op interval) sizeSet {
	if op.ret > s.shifted {
		return sizeSet{unknown: true}
	}
	least := s.least(op)
	settled := s.settled(op)
	var out sizeSet
	for _, c := range s.order {
		g := s.groups[c]
		end, any := g.lastEnd(op.ret)
		if !any || end < settled || c.hi < least {
			continue
		}
		underWay := end > op.inv
		out.moving = out.moving || c.set && underWay
		lo := c.hi
		if underWay || !c.definite {
			lo = c.lo
		}
		out.ranges = append(out.ranges, [2]int64{max(lo, least), c.hi})
	}
	return out
}

// settled is the latest beginning of a truncate that had ended before the operation began.
func (s *sizes) settled(op interval) int {
	last := before
	for c, g := range s.groups {
		if c.set && c.definite {
			if begin, any := g.lastBegin(op.inv); any {
				last = max(last, begin)
			}
		}
	}
	return last
}

// least is the smallest size that the operation may have met. For a size v let above be the latest beginning of a settled
// change to more than v, and undo the latest end of a truncate to v or less: v is too small where above is later than undo.
// Both change at marks only.
func (s *sizes) least(op interval) int64 {
	above := make([]int, len(s.marks)) // of changes to more than marks[i]
	latest, next := before-1, len(s.order)-1
	for i := len(s.marks) - 1; i >= 0; i-- {
		for ; next >= 0 && s.order[next].hi > s.marks[i]; next-- {
			if begin, any := s.groups[s.order[next]].lastBegin(op.inv); any && s.order[next].definite {
				latest = max(latest, begin)
			}
		}
		above[i] = latest
	}
	undo, next := before-1, 0
	for i, v := range s.marks {
		for ; next < len(s.order) && s.order[next].hi <= v; next++ {
			if end, any := s.groups[s.order[next]].lastEnd(op.ret); any && s.order[next].set {
				undo = max(undo, end)
			}
		}
		if above[i] <= undo {
			return v
		}
	}
	return s.marks[len(s.marks)-1]
}

// bounds are the smallest and the largest size of the set.
func (z sizeSet) bounds() (lo, hi int64) {
	if z.unknown || len(z.ranges) == 0 {
		return 0, maxBytes
	}
	lo, hi = z.ranges[0][0], z.ranges[0][1]
	for _, r := range z.ranges {
		lo, hi = min(lo, r[0]), max(hi, r[1])
	}
	return lo, hi
}

// any says whether a size from lo to hi, both included, is in the set.
func (z sizeSet) any(lo, hi int64) bool {
	if z.unknown {
		return true
	}
	for _, r := range z.ranges {
		if r[0] <= hi && lo <= r[1] {
			return true
		}
	}
	return false
}

// explains says whether a read of length bytes at off may have returned n. A truncate under way may have cut the read short
// anywhere on its way from one size to the other.
func (z sizeSet) explains(n, off, length int64) bool {
	if z.moving {
		lo, hi := z.bounds()
		return n >= clamp(lo-off, length) && n <= clamp(hi-off, length)
	}
	switch {
	case n == length:
		return z.any(off+length, maxBytes)
	case n == 0:
		return z.any(0, off)
	}
	return z.any(off+n, off+n)
}

func clamp(n, length int64) int64 { return min(max(n, 0), length) }
