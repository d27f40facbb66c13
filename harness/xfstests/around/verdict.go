package around

import (
	"fmt"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/xfstests/around/inguest"
)

// Verdict is a test's outcome in a column: as JSON it has the fields of every verdict, and what is of stock tests alone.
type Verdict struct {
	campaign.Verdict
	Column string   `json:"column"`
	Groups []string `json:"groups"`
	// Branches counts how often the kernel's branches were reached while the test ran; one that is not there was not counted, and Missing says why. With
	// AtLeast they are lower bounds.
	Branches map[string]int64 `json:"branches,omitempty"`
	AtLeast  bool             `json:"at_least,omitempty"`
	Missing  []string         `json:"missing,omitempty"`
	// TestSeconds is how long the test took by check's clock, which tells whole seconds, 0 where it does not say; Seconds is with check's checks around
	// it, and a boot where there was one.
	TestSeconds int `json:"test_seconds"`
}

// Line is the verdict for a person, on one line.
func (v Verdict) Line() string {
	s := fmt.Sprintf("%-11s %-20s %-12s %6.0fs", v.Verdict.Verdict, v.Case, v.Column, v.Seconds)
	if reached := v.Reached(); reached != "" {
		s += "  " + reached
	}
	if v.Verdict.Verdict != judge.OK && v.Text != "" {
		s += "  " + v.Text
	}
	return s
}

// Reached tells the branches that were reached, in the order of inguest.Branches, "" for none.
func (v Verdict) Reached() string {
	var parts []string
	for _, branch := range inguest.Branches() {
		if n := v.Branches[branch]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", branch, n))
		}
	}
	text := strings.Join(parts, ", ")
	if v.AtLeast && text != "" {
		text = "at least " + text
	}
	return text
}

// Table is a table of verdicts and branch counts for people: a line for each test and column.
func Table(verdicts []Verdict) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%-20s %-12s %-11s %8s %8s", "test", "column", "verdict", "seconds", "in all")
	for _, branch := range inguest.Branches() {
		fmt.Fprintf(&out, " %*s", len(branch), branch)
	}
	out.WriteByte('\n')
	for _, v := range verdicts {
		fmt.Fprintf(&out, "%-20s %-12s %-11s %8d %8.0f", v.Case, v.Column, v.Verdict.Verdict, v.TestSeconds, v.Seconds)
		for _, branch := range inguest.Branches() {
			fmt.Fprintf(&out, " %*s", len(branch), v.count(branch))
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// count is a branch's count for a table: a dash where it was not counted.
func (v Verdict) count(branch string) string {
	n, counted := v.Branches[branch]
	switch {
	case !counted:
		return "-"
	case v.AtLeast && n > 0:
		return fmt.Sprintf("≥%d", n)
	}
	return fmt.Sprint(n)
}
