package campaign

import (
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Spread marks the units that a short look at several file systems leaves out. Each rule is tried on each of them, by its first variant; each further
// variant, which shows the same on another way, on one: in turn on those on which it can be tried, so that no variant is left out everywhere. What is
// for the night is not marked. The units must be in Plan's order; the release, as in "6.12", decides which rows count.
func Spread(units []Unit, target, release string) []bool {
	left := make([]bool, len(units))
	turn, tried := 0, "" // tried is the case whose first variant has been met
	for at := 0; at < len(units); {
		end := at + 1
		for end < len(units) && units[end].CaseName() == units[at].CaseName() {
			end++
		}
		switch u := units[at]; {
		case u.Variant.Nightly:
		case u.Case.ID != tried:
			tried = u.Case.ID
		default:
			can := triable(units[at:end], target, release)
			for i := at; i < end; i++ {
				left[i] = len(can) > 0 && i != at+can[turn%len(can)]
			}
			turn++
		}
		at = end
	}
	return left
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
