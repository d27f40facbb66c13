package judge

import "sort"

// intervals are the beginnings and ends of operations of one sort, indexed for two questions about a point in time. Adding comes
// first, then index, then asking; each question takes logarithmic time.
type intervals struct {
	all []interval
	// byInv is sorted by inv, and maxRet[i] is the largest ret of byInv[:i+1]; byRet is sorted by ret, and maxInv[i] is the largest
	// inv of byRet[:i+1].
	byInv, byRet   []interval
	maxRet, maxInv []int
}

// interval is an operation's beginning and end as places in the order of events.
type interval struct{ inv, ret int }

// before is earlier than any event.
const before = -1

func (s *intervals) add(i interval) { s.all = append(s.all, i) }

func (s *intervals) index() {
	s.byInv = append([]interval(nil), s.all...)
	sort.Slice(s.byInv, func(i, j int) bool { return s.byInv[i].inv < s.byInv[j].inv })
	s.byRet = append([]interval(nil), s.all...)
	sort.Slice(s.byRet, func(i, j int) bool { return s.byRet[i].ret < s.byRet[j].ret })
	s.maxRet, s.maxInv = make([]int, len(s.all)), make([]int, len(s.all))
	ret, inv := before, before
	for i := range s.all {
		ret, inv = max(ret, s.byInv[i].ret), max(inv, s.byRet[i].inv)
		s.maxRet[i], s.maxInv[i] = ret, inv
	}
}

// lastEnd is the latest end among those that began before t, and whether there is any.
func (s *intervals) lastEnd(t int) (int, bool) {
	n := sort.Search(len(s.byInv), func(i int) bool { return s.byInv[i].inv >= t })
	if n == 0 {
		return before, false
	}
	return s.maxRet[n-1], true
}

// lastBegin is the latest beginning among those that had ended before t, and whether there is any.
func (s *intervals) lastBegin(t int) (int, bool) {
	n := sort.Search(len(s.byRet), func(i int) bool { return s.byRet[i].ret >= t })
	if n == 0 {
		return before, false
	}
	return s.maxInv[n-1], true
}
