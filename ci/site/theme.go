package site

import (
	"errors"

	"github.com/iomapcheck/iomapcheck/ci/report"
)

// themeData is a theme's cases × kernels and file systems, a table a target.
type themeData struct {
	Name   string
	Tables []themeTable
}

type themeTable struct {
	Target string
	Lines  []kernelHead
	FS     []string
	Rows   []themeRow
}

// kernelHead is a kernel above its file systems.
type kernelHead struct {
	Line, Kernel string
	Columns      int
}

type themeRow struct {
	Case, Page string
	Cells      []themeCell
}

// themeCell is empty where nothing was tried; Page is "" for what needs no look.
type themeCell struct{ Class, Text, Page string }

func (s *site) themes() error {
	byTheme := map[string][]*report.Cell{}
	for _, c := range s.Cells {
		byTheme[themeOf(c)] = append(byTheme[themeOf(c)], c)
	}
	var errs []error
	for _, name := range s.themeNames {
		d := themeData{Name: name}
		for _, target := range targets(byTheme[name]) {
			d.Tables = append(d.Tables, s.themeTable(target, byTheme[name]))
		}
		errs = append(errs, s.write(file("theme", name), "theme.html", name, name, d))
	}
	return errors.Join(errs...)
}

// targets are the ones that cells have, in their order.
func targets(cells []*report.Cell) []string {
	var out []string
	for _, c := range cells {
		if n := len(out); n == 0 || out[n-1] != c.Target {
			out = append(out, c.Target)
		}
	}
	return out
}

func (s *site) themeTable(target string, cells []*report.Cell) themeTable {
	t := themeTable{Target: target}
	var mine []*report.Cell
	for _, c := range cells {
		if c.Target == target {
			mine = append(mine, c)
		}
	}
	place := map[column]int{}
	for i, col := range columns(mine) {
		place[column{Target: col.Target, Line: col.Line, FS: col.FS}] = i
		t.FS = append(t.FS, col.FS)
		if n := len(t.Lines); n > 0 && t.Lines[n-1].Line == col.Line {
			t.Lines[n-1].Columns++
		} else {
			t.Lines = append(t.Lines, kernelHead{col.Line, col.Kernel, 1})
		}
	}
	rows := map[string]int{}
	for _, c := range mine {
		at, there := rows[c.Case]
		if !there {
			at = len(t.Rows)
			rows[c.Case] = at
			t.Rows = append(t.Rows, themeRow{Case: c.Case, Page: file("case", c.Last().Case), Cells: make([]themeCell, len(t.FS))})
		}
		t.Rows[at].Cells[place[column{Target: c.Target, Line: c.Line, FS: c.FS}]] = s.themeCell(c)
	}
	return t
}

func (s *site) themeCell(c *report.Cell) themeCell {
	v := c.Last()
	out := themeCell{Class: class(v.Verdict.Verdict), Text: word(v)}
	if f := s.paged[c]; f != nil {
		out.Page = file("finding", f.ID())
	}
	return out
}
