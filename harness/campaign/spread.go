package campaign

import (
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
)

// Spread marks the units that a short look at several file systems leaves out. Each rule is tried on each of them that can try it, by the first variant
// that it can; each further variant, which shows the same on another way, on one: in turn on those on which it can be tried, so that no variant is left
// out everywhere. What is for the night is not marked. The units must be in Plan's order; the release, as in "6.12" for the last of the series, decides
// which rows count.
func Spread(units []Unit, target, release string) []bool {
	if v, err := kernel.ParseVersion(release); err == nil {
		release = newest(v).String()
	}
	left := make([]bool, len(units))
	s := spreading{}
	for at := 0; at < len(units); {
		end := at + 1
		for end < len(units) && units[end].CaseName() == units[at].CaseName() {
			end++
		}
		if variant := units[at:end]; !variant[0].Variant.Nightly {
			s.leaveOut(variant, triable(variant, target, release), left[at:end])
		}
		at = end
	}
	return left
}

// spreading is what Spread knows on its way.
type spreading struct {
	turn  int
	rule  string          // the case at hand
	tried map[string]bool // on which file systems
}

// leaveOut marks those of a variant's units that are left out; can are the indices of those that can be tried.
func (s *spreading) leaveOut(variant []Unit, can []int, left []bool) {
	first := variant[0].Case.ID != s.rule
	if first {
		s.rule, s.tried = variant[0].Case.ID, map[string]bool{}
	}
	anew := slices.DeleteFunc(slices.Clone(can), func(i int) bool { return s.tried[variant[i].FS.String()] })
	for _, i := range anew {
		s.tried[variant[i].FS.String()] = true
	}
	switch {
	case first || len(can) == 0:
		return // where nothing can be tried, its verdict says why
	case len(anew) == 0:
		anew = []int{can[s.turn%len(can)]}
		s.turn++
	}
	for i := range left {
		left[i] = !slices.Contains(anew, i)
	}
}

// triable are the indices of the units of which no row says that they cannot be tried, and whose operations the file system does not refuse. A row that
// cannot be read is its unit's verdict.
func triable(units []Unit, target, release string) []int {
	var can []int
	for i, u := range units {
		if _, row, err := u.program(target, release); !u.refused() && (err != nil || row == nil || row.Unsupported == "") {
			can = append(can, i)
		}
	}
	return can
}

// refused says whether the file system cannot have the unit's program, or is known to refuse an operation of it.
func (u Unit) refused() bool {
	return lacks(u.FS, u.Variant.Program) != "" || slices.ContainsFunc(u.Variant.Program.Steps(), func(s prog.Step) bool {
		words := strings.Fields(s.Op.String())
		return slices.ContainsFunc(u.FS.FS.Refuses, func(word string) bool { return slices.Contains(words, word) })
	})
}
