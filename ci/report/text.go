package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
)

// Text writes the report for a terminal: the sum, findings with how to run them again, what changed, and the tables of the newest verdicts.
func (r *Report) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s: %s\n", plural(len(r.Runs), "run"), r.span(), r.Sum())
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "\n%s%s", Paste(r, f), r.since(f))
	}
	if len(r.Changes) > 0 {
		fmt.Fprintf(&b, "\nchanged in the newest run:\n")
	}
	for _, c := range r.Changes {
		fmt.Fprintf(&b, "  %-11s was %-11s %s on %s, %s\n", c.Cell.Last().Mark(), c.Was.Mark(), c.Cell.Case, c.Cell.FS, c.Cell.Line)
	}
	fmt.Fprintf(&b, "\n%s", campaign.Grid(r.newest()))
	for _, v := range r.blind() {
		fmt.Fprintf(&b, "%s %s on %s, %s: %s\n", v.Verdict, v.Name(), v.FSName(), Where(v), v.Text)
	}
	fmt.Fprintf(&b, "%s\n", campaign.ShareOf(r.newest()))
	_, err := io.WriteString(w, b.String())
	return err
}

// Sum counts the newest verdicts.
func (r *Report) Sum() string { return Tally(r.Codes()) }

// Tally counts verdicts: "11 ok, 1 fail".
func Tally(verdicts []judge.Verdict) string {
	count := map[judge.Verdict]int{}
	for _, v := range verdicts {
		count[v]++
	}
	var parts []string
	for _, v := range judge.Verdicts() {
		if count[v] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[v], v))
		}
	}
	return strings.Join(parts, ", ")
}

func (r *Report) span() string {
	if from, to := r.Runs[0].When(), r.Newest().When(); from != to {
		return from + " to " + to
	}
	return r.Newest().When()
}

// newest are the newest verdicts of all cells.
func (r *Report) newest() []campaign.Verdict {
	var out []campaign.Verdict
	for _, c := range r.Cells {
		out = append(out, c.Last().Verdict)
	}
	return out
}

// blind are the newest verdicts that showed nothing though they should have.
func (r *Report) blind() []campaign.Verdict {
	return slices.DeleteFunc(r.newest(), func(v campaign.Verdict) bool {
		return v.Verdict != judge.Unexercised && v.Verdict != judge.Infra
	})
}

// since says since when a finding is bad, and between which kernels that began, a line each.
func (r *Report) since(f *Finding) string {
	var b strings.Builder
	if first, before, ok := f.Shown.Since(); ok && before != nil {
		fmt.Fprintf(&b, "  first bad   %s on %s; good at %s on %s\n", r.Runs[first.Run].When(), first.Kernel, r.Runs[before.Run].When(), before.Kernel)
	}
	for _, e := range f.Edges() {
		word := "worse"
		if !e.Worse {
			word = "better"
		}
		fmt.Fprintf(&b, "  kernels     %s between %s (%s) and %s (%s)\n", word, e.Older.Last().Kernel, e.Older.Last().Mark(), e.Newer.Last().Kernel, e.Newer.Last().Mark())
	}
	return b.String()
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
