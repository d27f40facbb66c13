package compare

import (
	"maps"
	"slices"
)

// How a study decides. A unit whose facets are alike in the first rounds is left alone; one that differs is run until chance is improbable, or
// until that has had its chance.
const (
	// FirstRounds every unit gets.
	FirstRounds = 2
	// LeastRounds are what a change takes: two values that never overlap are that improbable from five rounds on (2 in 252).
	LeastRounds = 5
	// MostRounds end it: what cannot be told from chance then is reported as such.
	MostRounds = 8
	// Improbable is the chance from which on a difference is a change.
	Improbable = 0.01
)

// Study gathers what units show on two kernels. Its methods must be called by one goroutine at a time.
type Study struct {
	units map[string]*sample
}

// sample is what one unit has shown, a value a round on each side.
type sample struct{ base, patched []Observation }

// NewStudy returns an empty study.
func NewStudy() *Study { return &Study{units: map[string]*sample{}} }

// Add adds a round of a unit.
func (s *Study) Add(unit string, base, patched Observation) {
	u := s.units[unit]
	if u == nil {
		u = &sample{}
		s.units[unit] = u
	}
	u.base, u.patched = append(u.base, base), append(u.patched, patched)
}

// Rounds is how many rounds of the unit there are.
func (s *Study) Rounds(unit string) int {
	if u := s.units[unit]; u != nil {
		return len(u.base)
	}
	return 0
}

// Undecided says whether another round of the unit would tell more.
func (s *Study) Undecided(unit string) bool {
	n := s.Rounds(unit)
	switch {
	case n < FirstRounds:
		return true
	case n >= MostRounds:
		return false
	}
	return slices.ContainsFunc(s.units[unit].differences(), func(d Difference) bool { return n < LeastRounds || !d.Changed() && d.Chance < hopeless })
}

// hopeless is the chance of a difference that a few more rounds will not make improbable.
const hopeless = 0.4

// Difference is a facet of a unit that is not alike on both kernels.
type Difference struct {
	Unit  string `json:"unit"`
	Facet string `json:"facet"`
	// Base and Patched are how often each value was seen.
	Base    map[string]int `json:"base"`
	Patched map[string]int `json:"patched"`
	// Chance is the probability that chance makes a difference as large.
	Chance float64 `json:"chance"`
	// Rounds is how many there were.
	Rounds int `json:"rounds"`
}

// Changed says whether the difference is too improbable for chance.
func (d Difference) Changed() bool { return d.Rounds >= LeastRounds && d.Chance <= Improbable }

// Differences are what is not alike, by unit and facet; those that Changed says false of may be chance.
func (s *Study) Differences() []Difference {
	var out []Difference
	for _, name := range slices.Sorted(maps.Keys(s.units)) {
		for _, d := range s.units[name].differences() {
			d.Unit = name
			out = append(out, d)
		}
	}
	return out
}

// differences are the facets whose values are not spread alike.
func (u *sample) differences() []Difference {
	var out []Difference
	for _, facet := range u.facets() {
		base, patched := values(u.base, facet), values(u.patched, facet)
		if maps.Equal(tally(base), tally(patched)) {
			continue
		}
		out = append(out, Difference{
			Facet: facet, Base: tally(base), Patched: tally(patched), Chance: Chance(base, patched), Rounds: len(u.base),
		})
	}
	return out
}

// facets are those that both kernels have in every round.
func (u *sample) facets() []string {
	all := append(slices.Clone(u.base), u.patched...)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(all[0].Facets)), func(facet string) bool {
		return slices.ContainsFunc(all, func(o Observation) bool { _, has := o.Facets[facet]; return !has })
	})
}

func values(list []Observation, facet string) []string {
	var out []string
	for _, o := range list {
		out = append(out, o.Facets[facet])
	}
	return out
}

func tally(values []string) map[string]int {
	out := map[string]int{}
	for _, v := range values {
		out[v]++
	}
	return out
}
