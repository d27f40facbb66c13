package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/runs"
)

// Report is what runs show.
type Report struct {
	// Runs are oldest first; at least one.
	Runs []Summary
	// Cells are by target, kernel, case and file system.
	Cells []*Cell
	// Findings are the cells whose newest verdict is bad, those of one case and file system together; the worst first.
	Findings []*Finding
	// Changes are the cells that the newest run turned from good to bad or back, or that show nothing any more.
	Changes []Change
	// Cases are the catalogue's, by ID.
	Cases map[string]prog.Case
}

// Summary is a run in numbers.
type Summary struct {
	runs.Info
	Title string
	// Count is how many verdicts there are of each sort.
	Count map[judge.Verdict]int
	// Seconds is the sum of all verdicts' times; Median the middle one of those that ran something.
	Seconds, Median float64
	Share           campaign.Share
	// Kernels are the releases that ran, oldest first.
	Kernels []string
}

// Change is a cell whose newest verdict is another than the one before.
type Change struct {
	Cell *Cell
	Was  Seen
}

// Build makes the report of runs, oldest first, at least one. The catalogue says what the cases are about.
func Build(all []runs.Run, catalogue []prog.Case) *Report {
	r := &Report{Cases: map[string]prog.Case{}}
	for _, c := range catalogue {
		r.Cases[c.ID] = c
	}
	cells := map[Key]*Cell{}
	for i, run := range all {
		r.Runs = append(r.Runs, summarize(run))
		for _, v := range run.Verdicts {
			k := keyOf(v)
			if cells[k] == nil {
				cells[k] = &Cell{Key: k}
				r.Cells = append(r.Cells, cells[k])
			}
			cells[k].add(i, v)
		}
	}
	slices.SortStableFunc(r.Cells, func(a, b *Cell) int {
		return cmp.Or(cmp.Compare(a.Target, b.Target), byKernel(a, b), cmp.Compare(a.Case, b.Case), cmp.Compare(a.FS, b.FS))
	})
	r.Findings = findings(r.Cells)
	r.Changes = changes(r.Cells, len(all)-1)
	return r
}

// Newest is the newest run.
func (r *Report) Newest() Summary { return r.Runs[len(r.Runs)-1] }

// Codes are the newest verdicts of all cells, for judge.ExitCode.
func (r *Report) Codes() []judge.Verdict {
	var out []judge.Verdict
	for _, c := range r.Cells {
		out = append(out, c.Last().Verdict.Verdict)
	}
	return out
}

func summarize(run runs.Run) Summary {
	s := Summary{Info: run.Info, Title: run.Title, Count: map[judge.Verdict]int{}, Share: campaign.ShareOf(run.Verdicts)}
	var times []float64
	var kernels []*Cell
	for _, v := range run.Verdicts {
		s.Count[v.Verdict]++
		s.Seconds += v.Seconds
		if v.Executions > 0 {
			times = append(times, v.Seconds)
		}
		if !slices.ContainsFunc(kernels, func(c *Cell) bool { return c.Last().Kernel == v.Kernel }) {
			kernels = append(kernels, &Cell{Seen: []Seen{{Verdict: v}}})
		}
	}
	if len(times) > 0 {
		s.Median = median(times)
	}
	slices.SortFunc(kernels, byKernel)
	for _, c := range kernels {
		s.Kernels = append(s.Kernels, c.Last().Kernel)
	}
	s.Kernels = slices.Compact(s.Kernels)
	return s
}

// changes lists what the newest run changed, the worst first.
func changes(cells []*Cell, newest int) []Change {
	var out []Change
	for _, c := range cells {
		if len(c.Seen) < 2 || c.Last().Run != newest {
			continue
		}
		was := c.Seen[len(c.Seen)-2]
		before, now := was.Verdict.Verdict, c.Last().Verdict.Verdict
		if classOf(before) != classOf(now) || classOf(now) == bad && before != now {
			out = append(out, Change{c, was})
		}
	}
	slices.SortStableFunc(out, func(a, b Change) int {
		return cmp.Compare(Rank(b.Cell.Last().Verdict.Verdict), Rank(a.Cell.Last().Verdict.Verdict))
	})
	return out
}

// When is the run's time as reports print it.
func (s Summary) When() string { return s.Started.UTC().Format("2006-01-02 15:04 UTC") }

// Verdicts is how many there are.
func (s Summary) Verdicts() int {
	n := 0
	for _, c := range s.Count {
		n += c
	}
	return n
}

// Took is the sum of the verdicts' times for people.
func (s Summary) Took() string {
	return time.Duration(s.Seconds * float64(time.Second)).Round(time.Second).String()
}
