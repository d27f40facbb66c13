package compare

import (
	"maps"
	"math"
	"slices"
	"strconv"
)

// Chance is the probability that values dealt out at random to two kernels are as unevenly spread as these, in [0, 1]: the exact share of all
// ways to choose which of them are the base's. Values that are all integers are spread by the distance of their means, others by the
// number of values that would have to change hands to make both alike. Without a value on both sides it is 1.
//
// The number of ways grows as the binomial coefficient: ten values a side are 184 756. Equal values are dealt out together.
func Chance(base, patched []string) float64 {
	if len(base) == 0 || len(patched) == 0 {
		return 1
	}
	kinds, seen := kindsOf(base, patched)
	as, all := 0, 0
	deal(kinds, len(base), 1, 0, func(ways int, spread int64) {
		all += ways
		if abs(spread) >= abs(seen) {
			as += ways
		}
	})
	return float64(as) / float64(all)
}

// kind is a value that was seen, and how often.
type kind struct {
	count int
	// spread is what the value adds to how far apart the kernels are, where the base has it k times. It is in units of one by the product of
	// the numbers of values on both sides, so that it is an integer, and sums are exact.
	spread func(k int) int64
}

// kindsOf are the kinds among the values, and how far apart the kernels are.
func kindsOf(base, patched []string) (kinds []kind, seen int64) {
	n, m := int64(len(base)), int64(len(patched))
	ours, all := tally(base), tally(append(slices.Clone(base), patched...))
	numbers := integers(slices.Collect(maps.Keys(all)))
	for _, value := range slices.Sorted(maps.Keys(all)) {
		count := all[value]
		share := func(k int) int64 { return m*int64(k) - n*int64(count-k) }
		one := kind{count, func(k int) int64 { return abs(share(k)) }}
		if numbers != nil {
			one.spread = func(k int) int64 { return numbers[value] * share(k) }
		}
		kinds = append(kinds, one)
		seen += one.spread(ours[value])
	}
	return kinds, seen
}

// deal calls visit for every way to give n values of the kinds to the base, with how many ways they stand for, in all of which as many of each
// kind are the base's, and how far apart the kernels are then. ways and spread are those of the kinds before.
func deal(kinds []kind, n, ways int, spread int64, visit func(ways int, spread int64)) {
	if len(kinds) == 0 {
		if n == 0 {
			visit(ways, spread)
		}
		return
	}
	first := kinds[0]
	choices := 1 // the ways to choose k of them
	for k := range min(n, first.count) + 1 {
		deal(kinds[1:], n-k, ways*choices, spread+first.spread(k), visit)
		choices = choices * (first.count - k) / (k + 1)
	}
}

// integers are the numbers that all values are, nil where one is none.
func integers(values []string) map[string]int64 {
	out := map[string]int64{}
	for _, v := range values {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return nil
		}
		out[v] = n
	}
	return out
}

func abs(n int64) int64 { return max(n, -n) }

// SignedRank is the probability, by Wilcoxon's signed-rank test with the normal approximation, that differences of pairs which chance alone makes
// are as one-sided as these; 1 for fewer than twenty that are not zero, where the approximation is poor.
func SignedRank(differences []float64) float64 {
	const least = 20
	d := slices.DeleteFunc(slices.Clone(differences), func(x float64) bool { return x == 0 })
	if len(d) < least {
		return 1
	}
	slices.SortFunc(d, func(a, b float64) int {
		switch {
		case math.Abs(a) < math.Abs(b):
			return -1
		case math.Abs(a) > math.Abs(b):
			return 1
		}
		return 0
	})
	positive := 0.0
	for i := 0; i < len(d); {
		j := i
		for j < len(d) && math.Abs(d[j]) == math.Abs(d[i]) {
			j++
		}
		rank := float64(i+j+1) / 2 // the mean of the ranks of those that are equal
		for ; i < j; i++ {
			if d[i] > 0 {
				positive += rank
			}
		}
	}
	n := float64(len(d))
	z := (positive - n*(n+1)/4) / math.Sqrt(n*(n+1)*(2*n+1)/24)
	return math.Erfc(math.Abs(z) / math.Sqrt2)
}
