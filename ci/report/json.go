package report

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
)

// The report as one JSON object.
type (
	jsonReport struct {
		Runs     []jsonRun     `json:"runs"` // oldest first
		Cells    []jsonCell    `json:"cells"`
		Findings []jsonFinding `json:"findings"` // the worst first
		Known    []Known       `json:"known"`
	}
	jsonRun struct {
		Title    string                `json:"title"`
		Started  time.Time             `json:"started"`
		Command  []string              `json:"command"`
		Revision string                `json:"revision"`
		Kernels  []string              `json:"kernels"`
		Count    map[judge.Verdict]int `json:"count"`
		Seconds  float64               `json:"seconds"`        // of all verdicts
		Median   float64               `json:"median_seconds"` // of those that ran something
		OK       int                   `json:"ok"`
		Direct   int                   `json:"ok_with_direct_witness"`
	}
	jsonCell struct {
		campaign.Verdict
		Line string `json:"line"` // the kernel over time
		Run  int    `json:"run"`  // of runs, the newest that tried it
		// Past is every verdict, oldest first.
		Past []jsonSeen `json:"past"`
	}
	jsonSeen struct {
		Run     int           `json:"run"`
		Kernel  string        `json:"kernel"`
		Verdict judge.Verdict `json:"verdict"`
		Seconds float64       `json:"seconds"`
	}
	jsonFinding struct {
		ID     string   `json:"id"`
		Target string   `json:"target"`
		Case   string   `json:"case"`
		FS     string   `json:"fs"`
		Lines  []string `json:"lines"` // the kernels on which it is bad
		// FirstBad is the verdict with which the newest kernel's streak began, LastGood the one before it, null where none is known.
		FirstBad *jsonSeen `json:"first_bad"`
		LastGood *jsonSeen `json:"last_good"`
		Paste    string    `json:"paste"`
	}
)

// JSON writes the report as one JSON object.
func (r *Report) JSON(w io.Writer) error {
	out := jsonReport{Runs: []jsonRun{}, Cells: []jsonCell{}, Findings: []jsonFinding{}, Known: r.Known()}
	for _, s := range r.Runs {
		out.Runs = append(out.Runs, jsonRun{s.Title, s.Started, s.Command, s.Revision, s.Kernels, s.Count, s.Seconds, s.Median, s.Share.OK, s.Share.Direct})
	}
	for _, c := range r.Cells {
		cell := jsonCell{Verdict: c.Last().Verdict, Line: c.Line, Run: c.Last().Run}
		for _, s := range c.Seen {
			cell.Past = append(cell.Past, *seen(&s))
		}
		out.Cells = append(out.Cells, cell)
	}
	for _, f := range r.Findings {
		out.Findings = append(out.Findings, r.jsonFinding(f))
	}
	if err := json.NewEncoder(w).Encode(out); err != nil {
		return fmt.Errorf("write the report as JSON: %w", err)
	}
	return nil
}

func (r *Report) jsonFinding(f *Finding) jsonFinding {
	out := jsonFinding{ID: f.ID(), Target: f.Target, Case: f.Case, FS: f.FS, Lines: f.Lines(), Paste: Paste(r, f)}
	if first, before, ok := f.Shown.Since(); ok {
		out.FirstBad, out.LastGood = seen(&first), seen(before)
	}
	return out
}

func seen(s *Seen) *jsonSeen {
	if s == nil {
		return nil
	}
	return &jsonSeen{s.Run, s.Kernel, s.Verdict.Verdict, s.Seconds}
}
