package site

import (
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strings"

	"github.com/iomapcheck/iomapcheck/ci/lane"
	"github.com/iomapcheck/iomapcheck/ci/report"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
)

// findingData is a bad verdict with everything that helps to understand it.
type findingData struct {
	ID, Rule, Class string
	Verdict         campaign.Verdict
	Where           string
	Kernels         []caseRow
	Edges           []edge
	First           *firstBad
	Program         []programLine
	Reduced         string
	Overview        template.HTML
	Ladder          template.HTML
	Folded          int
	// NoPicture says why there is none.
	NoPicture string
	Console   []consoleFinding
	Diagnosis string
	Replay    string
	Reproduce string
	Evidence  string
	Paste     string
	// C is the file's name that has the program in C, CommandForC what writes it where the site does not have it, and NoC why there can be none.
	C, CommandForC, NoC string

	reproducer string // its text
}

// firstBad is since when the shown kernel's cell is bad.
type firstBad struct {
	Run, Kernel, Revision               string
	GoodRun, GoodKernel, GoodRevision   string
	SameKernel, Always, RevisionsDiffer bool
	Bisect, Log, Between                string
}

// edge is two neighbouring kernels that differ.
type edge struct{ Text, Bisect, Log string }

type consoleFinding struct{ Title, Text string }

// maxC is how many findings, the worst first, have their program as C beside their page: a file of some forty kilobytes. The others have the
// command that writes it.
const maxC = 10

func (s *site) findings() error {
	var errs []error
	written := 0
	for _, f := range s.Findings {
		if s.paged[f.Shown] == nil {
			continue
		}
		d := s.finding(f)
		if written++; d.C != "" && written <= maxC {
			errs = append(errs, os.WriteFile(filepath.Join(s.dir, d.C), []byte(d.reproducer), 0o644))
		} else if d.C != "" {
			d.C, d.CommandForC = "", report.CommandForC(f.Shown.Last().Verdict)
		}
		errs = append(errs, s.write(file("finding", f.ID()), "finding.html", f.Case+" on "+f.FS, themeOf(f.Shown), d))
	}
	return errors.Join(errs...)
}

func (s *site) finding(f *report.Finding) findingData {
	v := f.Shown.Last()
	d := findingData{
		ID: f.ID(), Rule: s.Rule(f.Case), Class: class(v.Verdict.Verdict), Verdict: v.Verdict, Where: report.Where(v.Verdict),
		Replay: v.ReplayCommand(), Reproduce: report.Reproduce(v.Verdict, "program.txt"), Evidence: v.Evidence, First: s.first(f.Shown),
		Paste: report.Paste(s.Report, f),
	}
	for _, c := range f.Cells {
		d.Kernels = append(d.Kernels, s.caseRow(c))
	}
	for _, e := range f.Edges() {
		d.Edges = append(d.Edges, edge{edgeText(e), report.Bisect(e), report.Log(e)})
	}
	s.evidence(&d, v)
	return d
}

func edgeText(e report.Edge) string {
	older, newer := e.Older.Last(), e.Newer.Last()
	return fmt.Sprintf("%s on %s, %s on %s", older.Mark(), older.Kernel, newer.Mark(), newer.Kernel)
}

// first says since when a cell is bad.
func (s *site) first(c *report.Cell) *firstBad {
	first, before, ok := c.Since()
	if !ok {
		return nil
	}
	at := s.Runs[first.Run]
	out := &firstBad{Run: at.When(), Kernel: first.Kernel, Revision: at.Revision, Always: before == nil}
	if before == nil {
		return out
	}
	good := s.Runs[before.Run]
	out.GoodRun, out.GoodKernel, out.GoodRevision = good.When(), before.Kernel, good.Revision
	out.SameKernel, out.RevisionsDiffer = before.Kernel == first.Kernel, good.Revision != at.Revision
	e := report.Edge{Older: &report.Cell{Key: c.Key, Seen: []report.Seen{*before}}, Newer: &report.Cell{Key: c.Key, Seen: []report.Seen{first}}, Worse: true}
	if !out.SameKernel {
		out.Bisect, out.Log = report.Bisect(e), report.Log(e)
		out.Between = report.Between(before.Kernel, first.Kernel)
	}
	return out
}

// offerC has the program as C, for those who do not have iomapcheck.
func (d *findingData) offerC(v report.Seen, e report.Evidence) {
	text, err := report.Reproducer(v.Verdict, e, d.Rule)
	if err != nil {
		d.NoC = err.Error()
		return
	}
	d.C, d.reproducer = strings.TrimSuffix(file("finding", d.ID), ".html")+".c", text
}

// evidence reads what there is and puts it into the page.
func (s *site) evidence(d *findingData, v report.Seen) {
	if v.Evidence == "" {
		d.NoPicture = "the evidence of this run is not kept any more"
		return
	}
	e, err := report.ReadEvidence(v.Evidence)
	if err != nil {
		d.NoPicture = err.Error()
	}
	d.Program, d.Reduced = numbered(e.Program, v.Op()), e.Reduced
	d.offerC(v, e)
	d.Diagnosis = cmp.Or(e.Diagnosis, e.Fault)
	for _, f := range e.Findings {
		d.Console = append(d.Console, consoleFinding{f.String(), strings.Join(f.Lines, "\n")})
	}
	switch {
	case e.History == nil:
		d.NoPicture = cmp.Or(d.NoPicture, "the run ended before the program did anything")
	default:
		p := lane.Draw(e.History, e.Program, v.Op())
		d.Overview, d.Ladder, d.Folded = p.Overview(), p.Ladder(), p.Folded
	}
}
