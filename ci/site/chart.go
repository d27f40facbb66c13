package site

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/iomapcheck/iomapcheck/ci/report"
)

// chart is a trend with its title.
type chart struct {
	Title   string
	Picture template.HTML
}

// charts are the trends, run by run.
func (s *site) charts() []chart {
	of := func(format string, value func(int, report.Summary) float64) template.HTML {
		var out []float64
		for i, r := range s.Runs {
			out = append(out, value(i, r))
		}
		return s.chart(out, format)
	}
	pace := s.Pace()
	return []chart{
		{"Time of a verdict, against its own usual", of("× %.2f", func(i int, _ report.Summary) float64 { return pace[i] })},
		{"Time of all verdicts together", of("%.1f min", func(_ int, r report.Summary) float64 { return r.Seconds / 60 })},
		{"Share of ok verdicts with direct evidence of the situation", of("%.0f %%", func(_ int, r report.Summary) float64 {
			return 100 * float64(r.Share.Direct) / float64(r.Share.OK) // not a number where none is ok
		})},
		{"Verdicts that were tried", of("%.0f", func(_ int, r report.Summary) float64 { return float64(r.Share.Tried) })},
	}
}

// slower is a cell that took much longer than it does.
type slower struct {
	Page, Case, Where string
	Now, Usual        float64
}

// slower lists the worst of them.
func (s *site) slower() []slower {
	var out []slower
	for _, slow := range s.Slower() {
		c := slow.Cell
		out = append(out, slower{s.pageOf(c), c.Case, c.FS + ", " + c.Line, c.Last().Seconds, slow.Usual})
	}
	return out
}

// The chart's measures; across it is in per cent.
const (
	chartHigh = 96
	chartTop  = 20
	chartLow  = 80
)

// chart draws a value of every run, oldest first, from zero to the highest. A run without one (NaN) is a gap.
func (s *site) chart(values []float64, format string) template.HTML {
	top := 0.0
	for _, v := range values {
		if !math.IsNaN(v) {
			top = max(top, v)
		}
	}
	if top == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" width="100%%" height="%d" role="img" aria-label="from run to run"><line class="axis" x1="0" x2="100%%" y1="%d" y2="%[2]d"/>`, chartHigh, chartLow)
	was := math.NaN()
	for i, v := range values {
		if !math.IsNaN(v) && !math.IsNaN(was) {
			fmt.Fprintf(&b, `<line x1="%s" y1="%.1f" x2="%s" y2="%.1f"/>`, at(i-1, len(values)), height(was, top), at(i, len(values)), height(v, top))
		}
		was = v
	}
	for i, v := range values {
		if !math.IsNaN(v) {
			fmt.Fprintf(&b, `<circle cx="%s" cy="%.1f" r="3"><title>%s: `+format+`</title></circle>`, at(i, len(values)), height(v, top), s.Runs[i].When(), v)
		}
	}
	fmt.Fprintf(&b, `<text x="0" y="12">`+format+`</text><text class="time0" x="0" y="%d">%s</text>`, top, chartHigh-2, s.Runs[0].Started.UTC().Format("01-02"))
	if n := len(values); n > 1 && !math.IsNaN(values[n-1]) {
		fmt.Fprintf(&b, `<text class="time" x="100%%" y="12">now `+format+`</text><text class="time" x="100%%" y="%d">%s</text>`, values[n-1], chartHigh-2, s.Runs[n-1].Started.UTC().Format("01-02"))
	}
	return template.HTML(b.String() + "</svg>")
}

// at is the place of run i of n from left to right.
func at(i, n int) string { return fmt.Sprintf("%.2f%%", 1+98*float64(i)/float64(max(1, n-1))) }

func height(v, top float64) float64 { return chartLow - (chartLow-chartTop)*v/top }
