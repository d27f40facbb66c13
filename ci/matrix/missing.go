package matrix

import (
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Missing are the cells with a unit on which no verdict was given: their job did not do all of its work. Quick leaves nightly variants out.
func Missing(cells []Cell, catalogue []prog.Case, quick bool, verdicts []campaign.Verdict) ([]Cell, error) {
	done := map[place]bool{}
	for _, v := range verdicts {
		done[placeOf(v)] = true
	}
	var out []Cell
	for _, c := range cells {
		units, err := c.Units(catalogue, quick)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(units, func(u campaign.Unit) bool { return !done[place{c.Kernel, c.FS, u.CaseName()}] }) {
			out = append(out, c)
		}
	}
	return out, nil
}
