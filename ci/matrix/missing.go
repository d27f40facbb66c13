package matrix

import (
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
)

// Missing are the cells of which no verdict was given: their job did not do its work.
func Missing(cells []Cell, verdicts []campaign.Verdict) []Cell {
	done := map[Cell]bool{}
	for _, v := range verdicts {
		theme, _, _ := strings.Cut(v.Case, "/")
		pressure := v.Parameters["pressure"]
		if pressure == "" {
			pressure = "none"
		}
		done[Cell{kernelOf(v), v.FSName(), theme, pressure}] = true
	}
	var out []Cell
	for _, c := range cells {
		if !done[c] {
			out = append(out, c)
		}
	}
	return out
}
