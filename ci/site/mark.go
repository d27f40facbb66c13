package site

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/ci/report"
	"github.com/iomapcheck/iomapcheck/harness/judge"
)

// letter stands for a verdict where there is room for one character. The legend of every page with letters explains them.
func letter(v judge.Verdict) string {
	switch v {
	case judge.OK:
		return "·"
	case judge.Known:
		return "k"
	case judge.Fail:
		return "x"
	case judge.Hang:
		return "h"
	case judge.Crash:
		return "c"
	case judge.Drift:
		return "d"
	case judge.Unexercised:
		return "?"
	case judge.Infra:
		return "!"
	}
	return "–"
}

// class is a verdict's class in the style sheet.
func class(v judge.Verdict) string { return "v-" + string(v) }

// word is a verdict where there is room for a short word.
func word(v report.Seen) string {
	switch v.Verdict.Verdict {
	case judge.Unsupported:
		return "–"
	case judge.Unexercised:
		return "unex"
	}
	return v.Mark()
}

// stripRuns is how many runs a strip goes back.
const stripRuns = 24

// strip is a cell's past, a letter a run, the newest last; a run that did not try it is a gap.
func (s *site) strip(c *report.Cell) template.HTML {
	past := map[int]judge.Verdict{}
	for _, v := range c.Seen {
		past[v.Run] = v.Verdict.Verdict
	}
	var b strings.Builder
	for run := max(0, len(s.Runs)-stripRuns); run < len(s.Runs); {
		v, tried := past[run]
		n := 1 // runs in a row that are alike
		for other, also := past[run+n]; run+n < len(s.Runs) && also == tried && other == v; other, also = past[run+n] {
			n++
		}
		switch {
		case !tried:
			b.WriteString(strings.Repeat(" ", n))
		case v == judge.OK:
			b.WriteString(strings.Repeat(letter(v), n))
		default:
			fmt.Fprintf(&b, `<b class="%s">%s</b>`, class(v), strings.Repeat(letter(v), n))
		}
		run += n
	}
	return template.HTML(b.String())
}

// column is a kernel and a file system.
type column struct{ Target, Line, Kernel, FS string }

// columns are the ones that cells have, oldest kernel first.
func columns(cells []*report.Cell) []column {
	var out []column
	seen := map[column]bool{}
	for _, c := range cells {
		at := column{Target: c.Target, Line: c.Line, FS: c.FS}
		if !seen[at] {
			seen[at] = true
			out = append(out, column{c.Target, c.Line, c.Last().Kernel, c.FS})
		}
	}
	// Cells come by kernel already.
	order := map[string]int{}
	for i, c := range out {
		if _, there := order[c.Target+c.Line]; !there {
			order[c.Target+c.Line] = i
		}
	}
	slices.SortStableFunc(out, func(a, b column) int {
		return cmp.Or(cmp.Compare(order[a.Target+a.Line], order[b.Target+b.Line]), cmp.Compare(a.FS, b.FS))
	})
	return out
}

// file is a page's name for something with slashes in its name.
func file(sort, name string) string { return sort + "-" + strings.ReplaceAll(name, "/", ".") + ".html" }
