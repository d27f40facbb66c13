package compare

import (
	"math"
	"slices"
	"strconv"
)

// Chance is the probability that values dealt out at random to two kernels are as unevenly spread as these, in [0, 1]: the exact share of all
// ways to choose which of them are the base's. Values that are all numbers are spread by the distance of their means, others by the
// number of values that would have to change hands to make both alike. Without a value on both sides it is 1.
//
// The number of ways grows as the binomial coefficient: ten values a side are 184 756.
func Chance(base, patched []string) float64 {
	if len(base) == 0 || len(patched) == 0 {
		return 1
	}
	all := append(slices.Clone(base), patched...)
	spread := unevenness(all)
	mask := make([]bool, len(all)) // whose the values are: true is the base's
	for i := range base {
		mask[i] = true
	}
	seen := spread(mask)
	const rounding = 1e-9
	as, ways := 0, 0
	deal(make([]bool, len(all)), 0, len(base), func(mask []bool) {
		ways++
		if spread(mask) >= seen-rounding {
			as++
		}
	})
	return float64(as) / float64(ways)
}

// deal calls visit with every way to give n of the values from i on to the base.
func deal(mask []bool, i, n int, visit func([]bool)) {
	switch {
	case n > len(mask)-i:
	case i == len(mask):
		visit(mask)
	default:
		if n > 0 {
			mask[i] = true
			deal(mask, i+1, n-1, visit)
		}
		mask[i] = false
		deal(mask, i+1, n, visit)
	}
}

// unevenness measures how far apart two halves of the values are.
func unevenness(all []string) func(base []bool) float64 {
	if numbers, ok := numbersOf(all); ok {
		return func(base []bool) float64 { return math.Abs(mean(numbers, base, true) - mean(numbers, base, false)) }
	}
	kinds := map[string]int{}
	for _, v := range all {
		if _, known := kinds[v]; !known {
			kinds[v] = len(kinds)
		}
	}
	return func(base []bool) float64 {
		count := make([]float64, len(kinds))
		ours := 0.0
		for _, b := range base {
			if b {
				ours++
			}
		}
		theirs := float64(len(base)) - ours
		for i, v := range all {
			if base[i] {
				count[kinds[v]] += 1 / ours
			} else {
				count[kinds[v]] -= 1 / theirs
			}
		}
		sum := 0.0
		for _, c := range count {
			sum += math.Abs(c)
		}
		return sum
	}
}

func numbersOf(all []string) ([]float64, bool) {
	var out []float64
	for _, v := range all {
		n, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return nil, false
		}
		out = append(out, n)
	}
	return out, true
}

func mean(numbers []float64, base []bool, whose bool) float64 {
	sum, n := 0.0, 0.0
	for i, x := range numbers {
		if base[i] == whose {
			sum += x
			n++
		}
	}
	return sum / n
}

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
