package compare

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// When a difference of latencies is a change: both have to hold. The second is what another order of the same run, another place of the same code in
// memory, makes on an emulated machine at times.
const (
	improbableLatency = 1e-6
	notableRatio      = 1.25
)

// Pace is how an operation's latency on the patched kernel compares with the base's, on one file system.
type Pace struct {
	FS   string    `json:"fs"`
	Verb prog.Verb `json:"verb"`
	// Pairs is how many executions there were of the same operation on both kernels, right after each other.
	Pairs int `json:"pairs"`
	// Base and Patched are the medians in nanoseconds, Ratio the median of the pairs' ratios.
	Base    int64   `json:"base_ns"`
	Patched int64   `json:"patched_ns"`
	Ratio   float64 `json:"ratio"`
	Chance  float64 `json:"chance"`
}

// Changed says whether the operation became notably slower or faster, and not by chance.
func (p Pace) Changed() bool {
	return p.Chance <= improbableLatency && (p.Ratio >= notableRatio || p.Ratio <= 1/notableRatio)
}

// Paces compares latencies, by file system (fs names a unit's) and operation.
func (s *Study) Paces(fs func(unit string) string) []Pace {
	type key struct {
		fs   string
		verb prog.Verb
	}
	type pair struct{ base, patched int64 }
	pairs := map[key][]pair{}
	for name, u := range s.units {
		for i := range u.base {
			for _, b := range u.base[i].Latencies {
				if p, ok := latencyOf(u.patched[i], b); ok {
					k := key{fs(name), b.Verb}
					pairs[k] = append(pairs[k], pair{b.Nanoseconds, p})
				}
			}
		}
	}
	var out []Pace
	for _, k := range slices.SortedFunc(maps.Keys(pairs), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.fs, b.fs), cmp.Compare(a.verb, b.verb))
	}) {
		var base, patched, ratios []float64
		for _, p := range pairs[k] {
			base, patched = append(base, float64(p.base)), append(patched, float64(p.patched))
			ratios = append(ratios, math.Log(float64(max(1, p.patched))/float64(max(1, p.base))))
		}
		out = append(out, Pace{
			FS: k.fs, Verb: k.verb, Pairs: len(ratios), Base: int64(median(base)), Patched: int64(median(patched)),
			Ratio: math.Exp(median(ratios)), Chance: SignedRank(ratios),
		})
	}
	return out
}

// latencyOf is how long the same operation took.
func latencyOf(o Observation, like Latency) (int64, bool) {
	i := slices.IndexFunc(o.Latencies, func(l Latency) bool { return l.Op == like.Op && l.Verb == like.Verb })
	if i < 0 {
		return 0, false
	}
	return o.Latencies[i].Nanoseconds, true
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
