package site

import (
	"errors"
	"fmt"
	"html/template"
	"strings"

	"github.com/iomapcheck/iomapcheck/ci/report"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// caseData is a case with everything that was seen of it.
type caseData struct {
	ID    string
	Case  prog.Case
	Parts []casePart
}

// casePart is a case with its parameters.
type casePart struct {
	Name, Program string
	Rows          []caseRow
	// Absent are where it cannot be tried, a line a reason.
	Absent []absence
}

// caseRow is a cell: its newest verdict, on what that rests, and its past.
type caseRow struct {
	Kernel, FS, Class, Word, Page, Text, Run, Seconds string
	Strip                                             template.HTML
}

// absence is a reason for which a case is unsupported, with the places.
type absence struct{ Where, Why string }

func (s *site) cases() error {
	byCase := map[string][]*report.Cell{}
	var ids []string
	for _, c := range s.Cells {
		id := c.Last().Case
		if byCase[id] == nil {
			ids = append(ids, id)
		}
		byCase[id] = append(byCase[id], c)
	}
	var errs []error
	for _, id := range ids {
		d := caseData{ID: id, Case: s.Cases[id], Parts: s.parts(byCase[id])}
		errs = append(errs, s.write(file("case", id), "case.html", id, themeOf(byCase[id][0]), d))
	}
	return errors.Join(errs...)
}

func (s *site) parts(cells []*report.Cell) []casePart {
	var out []casePart
	at, absent := map[string]int{}, map[string]map[string]int{}
	for _, c := range cells {
		i, there := at[c.Case]
		if !there {
			i = len(out)
			at[c.Case] = i
			absent[c.Case] = map[string]int{}
			out = append(out, casePart{Name: c.Case, Program: s.program(c)})
		}
		p := &out[i]
		v := c.Last()
		if v.Verdict.Verdict != judge.Unsupported || len(c.Seen) > 1 && c.Seen[len(c.Seen)-2].Verdict.Verdict != judge.Unsupported {
			p.Rows = append(p.Rows, s.caseRow(c))
			continue
		}
		where := c.FS + " on " + c.Line
		if n, there := absent[c.Case][v.Text]; there {
			p.Absent[n].Where += ", " + where
			continue
		}
		absent[c.Case][v.Text] = len(p.Absent)
		p.Absent = append(p.Absent, absence{where, v.Text})
	}
	return out
}

// program is the catalogue's text of a cell's program, before a file system's row changes it; "" for a case that is not the catalogue's.
func (s *site) program(c *report.Cell) string {
	for _, v := range s.Case(c.Case).Variants {
		if v.Name == c.Last().Parameters["variant"] {
			return v.Program.String()
		}
	}
	return ""
}

func (s *site) caseRow(c *report.Cell) caseRow {
	v := c.Last()
	row := caseRow{
		Kernel: kernelName(c), FS: c.FS, Class: class(v.Verdict.Verdict), Word: v.Mark(), Strip: s.strip(c),
		Text: restsOn(v), Seconds: fmt.Sprintf("%.1f s", v.Seconds), Run: s.Runs[v.Run].When(),
	}
	switch {
	case s.paged[c] != nil:
		row.Page = s.pageOf(c)
	case v.Verdict.Verdict.Bad():
		row.Text += " ⟶ " + v.ReplayCommand()
	}
	return row
}

// kernelName is what a cell's newest verdict was given on.
func kernelName(c *report.Cell) string {
	if c.Target == "refengine" {
		return "engine as " + c.Line
	}
	return c.Last().Kernel
}

// restsOn is what there is to say for a verdict: what was seen where it is not ok, else its witness, and the row that it was judged by.
func restsOn(v report.Seen) string {
	text := v.Text
	if v.Verdict.Verdict == judge.OK {
		text = strings.Join(v.Witness, "; ")
		if v.Proved > 0 {
			text += fmt.Sprintf(" [proved: %d schedules stand for all]", v.Proved)
		}
	}
	if v.Row != "" && v.Verdict.Verdict != judge.Unsupported {
		text += " * " + v.Row
	}
	return text
}
