package compare

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// When a difference of latencies is a change: both have to hold. The first is one in fifty studies in which chance alone makes a change, where two
// hundred kinds of operation and file systems are compared; twenty units that all differ to one side reach it. The second is what another order of
// the same run, another place of the same code in memory, makes on an emulated machine at times.
const (
	improbableLatency = 1e-4
	notableRatio      = 1.25
)

// Pace is how an operation's latency on the patched kernel compares with the base's, on one file system.
type Pace struct {
	FS   string    `json:"fs"`
	Verb prog.Verb `json:"verb"`
	// Units is how many units have executed the operation on both kernels, right after each other.
	Units int `json:"units"`
	// Base and Patched are the medians over the units in nanoseconds, Ratio the median of the units' ratios.
	Base    int64   `json:"base_ns"`
	Patched int64   `json:"patched_ns"`
	Ratio   float64 `json:"ratio"`
	Chance  float64 `json:"chance"`
}

// Changed says whether the operation became notably slower or faster, and not by chance.
func (p Pace) Changed() bool {
	return p.Chance <= improbableLatency && (p.Ratio >= notableRatio || p.Ratio <= 1/notableRatio)
}

// Paces compares latencies, by file system (fs names a unit's) and operation. Each unit counts once, by its medians: what it executes again, in the
// same program on machines from one snapshot, is as slow again for the same reason, and would make a few units look like many that agree.
func (s *Study) Paces(fs func(unit string) string) []Pace {
	type key struct {
		fs   string
		verb prog.Verb
	}
	all := map[key]*pairs{}
	for name, u := range s.units {
		for verb, own := range u.latencies() {
			k := key{fs(name), verb}
			if all[k] == nil {
				all[k] = &pairs{}
			}
			all[k].add(median(own.base), median(own.patched), median(own.ratios))
		}
	}
	var out []Pace
	for _, k := range slices.SortedFunc(maps.Keys(all), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.fs, b.fs), cmp.Compare(a.verb, b.verb))
	}) {
		p := all[k]
		out = append(out, Pace{
			FS: k.fs, Verb: k.verb, Units: len(p.ratios), Base: int64(median(p.base)), Patched: int64(median(p.patched)),
			Ratio: math.Exp(median(p.ratios)), Chance: SignedRank(p.ratios),
		})
	}
	return out
}

// pairs are latencies on both kernels in nanoseconds, with the logarithms of their ratios.
type pairs struct{ base, patched, ratios []float64 }

func (p *pairs) add(base, patched, ratio float64) {
	p.base, p.patched, p.ratios = append(p.base, base), append(p.patched, patched), append(p.ratios, ratio)
}

// latencies are the unit's pairs, by operation: of one round each.
func (u *sample) latencies() map[prog.Verb]*pairs {
	out := map[prog.Verb]*pairs{}
	for i := range u.base {
		for _, b := range u.base[i].Latencies {
			patched, ok := latencyOf(u.patched[i], b)
			if !ok {
				continue
			}
			if out[b.Verb] == nil {
				out[b.Verb] = &pairs{}
			}
			of, to := float64(max(1, b.Nanoseconds)), float64(max(1, patched))
			out[b.Verb].add(of, to, math.Log(to/of))
		}
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
