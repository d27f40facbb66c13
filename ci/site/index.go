package site

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/ci/report"
	"github.com/iomapcheck/iomapcheck/harness/judge"
)

// indexData is what the first page shows.
type indexData struct {
	Tiles    []tile
	Findings []findingLine
	Changes  []changeLine
	// Found and Changed are how many there are of these, listed or not.
	Found, Changed int
	Themes         []string
	Matrix         []matrixRow
	Charts         []chart
	Slower         []slower
	Runs           []report.Summary
	// Old is how many runs the strips leave out.
	Old   int
	Known int
}

// listed is how many findings and changes the first page lists; the themes' pages have all.
const listed = 200

// tile is a number with what it counts.
type tile struct {
	Class, Name string
	Count       int
}

type findingLine struct {
	Page, Class, Verdict, Case, FS, Where, Text, Since string
}

type changeLine struct {
	Page, Class, Now, Was, WasClass, Case, Where string
}

// matrixRow is a kernel with a file system: its themes now, and its past.
type matrixRow struct {
	column
	// First says that the row is its kernel's first, of Rows.
	First  bool
	Rows   int
	Themes []summary
	Strip  template.HTML
}

// summary is many cells in one.
type summary struct{ Class, Text, Page string }

func (s *site) index() error {
	d := indexData{Tiles: s.tiles(), Themes: s.themeNames, Matrix: s.matrix(), Old: max(0, len(s.Runs)-stripRuns)}
	for _, f := range s.Findings[:min(listed, len(s.Findings))] {
		d.Findings = append(d.Findings, s.line(f))
	}
	for _, c := range s.Changes[:min(listed, len(s.Changes))] {
		d.Changes = append(d.Changes, s.change(c))
	}
	d.Found, d.Changed = len(s.Findings), len(s.Changes)
	for _, c := range s.Cells {
		if v := c.Last().Verdict.Verdict; v == judge.Known || v == judge.Drift {
			d.Known++
		}
	}
	d.Charts, d.Slower = s.charts(), s.slower()
	d.Runs = slices.Clone(s.Runs)
	slices.Reverse(d.Runs)
	return s.write("index.html", "index.html", "iomapcheck", "overview", d)
}

func (s *site) tiles() []tile {
	var out []tile
	for _, v := range slices.Backward(judge.Verdicts()) {
		n := 0
		for _, c := range s.Cells {
			if c.Last().Verdict.Verdict == v {
				n++
			}
		}
		if n > 0 {
			out = append(out, tile{class(v), string(v), n})
		}
	}
	return out
}

func (s *site) line(f *report.Finding) findingLine {
	v := f.Shown.Last()
	l := findingLine{
		Page: s.pageOf(f.Shown), Class: class(v.Verdict.Verdict), Verdict: string(v.Verdict.Verdict), Case: f.Case, FS: f.FS, Text: v.Text,
	}
	l.Where = strings.Join(f.Lines(), ", ")
	if first, before, ok := f.Shown.Since(); ok {
		l.Since = s.Runs[first.Run].When()
		if before == nil {
			l.Since = "first tried " + l.Since
		}
	}
	return l
}

func (s *site) change(c report.Change) changeLine {
	v := c.Cell.Last()
	return changeLine{
		Page: s.pageOf(c.Cell), Class: class(v.Verdict.Verdict), Now: v.Mark(), Was: c.Was.Mark(), WasClass: class(c.Was.Verdict.Verdict),
		Case: c.Cell.Case, Where: fmt.Sprintf("%s, %s", c.Cell.FS, c.Cell.Line),
	}
}

// pageOf is where a cell is explained.
func (s *site) pageOf(c *report.Cell) string {
	if f := s.paged[c]; f != nil {
		return file("finding", f.ID())
	}
	return file("case", c.Last().Case)
}

// matrix is every kernel and file system: themes now, runs over time.
func (s *site) matrix() []matrixRow {
	byColumn := map[column][]*report.Cell{}
	for _, c := range s.Cells {
		at := column{Target: c.Target, Line: c.Line, FS: c.FS}
		byColumn[at] = append(byColumn[at], c)
	}
	var rows []matrixRow
	for _, col := range columns(s.Cells) {
		cells := byColumn[column{Target: col.Target, Line: col.Line, FS: col.FS}]
		row := matrixRow{column: col, Strip: s.runStrip(cells)}
		for _, theme := range s.themeNames {
			row.Themes = append(row.Themes, summarize(theme, cells))
		}
		rows = append(rows, row)
	}
	first := 0
	for i := range rows {
		if rows[i].Target+rows[i].Line != rows[first].Target+rows[first].Line {
			first = i
		}
		rows[first].First = true
		rows[first].Rows++
	}
	return rows
}

// summarize is a theme's cells of one kernel and file system.
func summarize(theme string, cells []*report.Cell) summary {
	count, worst := map[judge.Verdict]int{}, judge.Unsupported
	tried := 0
	for _, c := range cells {
		if themeOf(c) != theme {
			continue
		}
		v := c.Last().Verdict.Verdict
		count[v]++
		if v == judge.Unsupported {
			continue
		}
		tried++
		if worst == judge.Unsupported || report.Rank(v) > report.Rank(worst) {
			worst = v
		}
	}
	if tried == 0 {
		return summary{Class: class(judge.Unsupported), Text: "–"}
	}
	text := fmt.Sprint(count[judge.OK])
	for _, v := range slices.Backward(judge.Verdicts()) {
		if n := count[v]; n > 0 && v != judge.OK && v != judge.Unsupported {
			text += fmt.Sprintf(" + %d %s", n, v)
		}
	}
	return summary{class(worst), text, file("theme", theme)}
}

// runStrip is the past of many cells: the worst verdict of each run.
func (s *site) runStrip(cells []*report.Cell) template.HTML {
	worst := map[int]judge.Verdict{}
	for _, c := range cells {
		for _, v := range c.Seen {
			if v.Verdict.Verdict == judge.Unsupported {
				continue
			}
			if was, there := worst[v.Run]; !there || report.Rank(v.Verdict.Verdict) > report.Rank(was) {
				worst[v.Run] = v.Verdict.Verdict
			}
		}
	}
	var b strings.Builder
	for run := max(0, len(s.Runs)-stripRuns); run < len(s.Runs); run++ {
		v, there := worst[run]
		if !there {
			b.WriteString(`<b> </b>`)
			continue
		}
		fmt.Fprintf(&b, `<b class="%s" title="%s: %s">%s</b>`, class(v), s.Runs[run].When(), v, letter(v))
	}
	return template.HTML(b.String())
}

func themeOf(c *report.Cell) string {
	theme, _, _ := strings.Cut(c.Case, "/")
	return theme
}
