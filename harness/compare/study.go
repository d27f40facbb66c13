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
	// LeastRounds are what a change takes: two values that never overlap are improbable enough from five rounds on (2 in 252), if little else varies.
	LeastRounds = 5
	// MostRounds end it: what cannot be told from chance then is reported as such. Among seven hundred facets that vary by chance, two
	// values that never overlap in ten rounds (2 in 184 756) are a change all the same.
	MostRounds = 10
	// Improbable is how probable it may be that a study of two kernels that are alike calls anything a change.
	Improbable = 0.05
)

// looks is after how many rounds a facet may be called a change.
const looks = MostRounds - LeastRounds + 1

// Study gathers what units show on two kernels. Its methods must be called by one goroutine at a time.
type Study struct {
	units map[string]*sample
}

// sample is what one unit has shown, a value a round on each side.
type sample struct {
	base, patched []Observation
	// varied are the facets of which more than one value was seen, as of the newest round.
	varied []Difference
}

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
	u.weigh(unit)
}

// Rounds is how many rounds of the unit there are.
func (s *Study) Rounds(unit string) int {
	if u := s.units[unit]; u != nil {
		return len(u.base)
	}
	return 0
}

// Undecided says whether another round of the unit would tell more. Rounds of other units may change that: the more of them vary, the less
// probable by chance a change has to be.
func (s *Study) Undecided(unit string) bool {
	n := s.Rounds(unit)
	switch {
	case n < FirstRounds:
		return true
	case n >= MostRounds:
		return false
	}
	bound := s.bound()
	return slices.ContainsFunc(s.units[unit].varied, func(d Difference) bool {
		return !d.alike() && (n < LeastRounds || d.Chance > bound && d.Chance < hopeless)
	})
}

// hopeless is the chance of a difference that a few more rounds will not make improbable.
const hopeless = 0.4

// bound is the largest chance that makes a difference a change, 0 where none does.
//
// Whoever looks at many facets, and at each after every round, sees what is improbable for one of them alone. All that vary are therefore judged
// together, by the rule of Benjamini and Hochberg: of n chances, the smallest first, the k-th may be k in n of Improbable, which the looks
// share. Where the kernels are alike that makes at most Improbable for the whole study; where much has changed, so much of what is called a
// change is chance on average. A facet with one value alone cannot be called anything, and does not count.
func (s *Study) bound() float64 {
	var chances []float64
	for _, u := range s.units {
		for _, d := range u.varied {
			chances = append(chances, d.Chance)
		}
	}
	slices.Sort(chances)
	for k := len(chances); k > 0; k-- {
		if c := chances[k-1]; c <= Improbable/looks*float64(k)/float64(len(chances)) {
			return c
		}
	}
	return 0
}

// Difference is a facet of a unit that is not alike on both kernels.
type Difference struct {
	Unit  string `json:"unit"`
	Facet string `json:"facet"`
	// Base and Patched are how often each value was seen.
	Base    map[string]int `json:"base"`
	Patched map[string]int `json:"patched"`
	// Chance is the probability that chance makes a difference as large, if it were the only facet that is looked at, and only once.
	Chance float64 `json:"chance"`
	// Rounds is how many there were.
	Rounds int `json:"rounds"`
}

// alike says whether both kernels have shown the same values equally often.
func (d Difference) alike() bool { return maps.Equal(d.Base, d.Patched) }

// Differences are what is not alike, by unit and facet: what is too improbable for chance, and what may be chance.
func (s *Study) Differences() (changes, chance []Difference) {
	bound := s.bound()
	for _, name := range slices.Sorted(maps.Keys(s.units)) {
		for _, d := range s.units[name].varied {
			switch {
			case d.alike():
			case d.Chance <= bound:
				changes = append(changes, d)
			default:
				chance = append(chance, d)
			}
		}
	}
	return changes, chance
}

// weigh finds out which facets vary, and how probable chance makes that.
func (u *sample) weigh(unit string) {
	u.varied = nil
	for _, facet := range u.facets() {
		base, patched := values(u.base, facet), values(u.patched, facet)
		if len(tally(append(slices.Clone(base), patched...))) > 1 {
			u.varied = append(u.varied, Difference{
				Unit: unit, Facet: facet, Base: tally(base), Patched: tally(patched), Chance: Chance(base, patched), Rounds: len(u.base),
			})
		}
	}
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
