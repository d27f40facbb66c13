package lane

import (
	"fmt"
	"html"
	"html/template"
	"strings"
	"unicode/utf8"
)

// The ladder's measures, in CSS pixels. Text is in a font of fixed width, 12 pixels high.
const (
	rowHeight = 18
	headHigh  = 24
	charWide  = 7.3
	maxText   = 118 // characters of a row's text; the rest is in its tooltip
	barWide   = 10
	slotStep  = 4
	maxSlots  = 6
)

// column is where a lane is: from x on, w wide.
type column struct{ x, w float64 }

// columns places the lanes side by side, each as wide as its name or its bars.
func (p *Picture) columns() (cols []column, textAt float64) {
	slots := make([]int, len(p.lanes))
	for _, b := range p.bars {
		slots[b.lane] = max(slots[b.lane], min(b.slot, maxSlots))
	}
	x := p.timeWide() + 10
	for i, name := range p.lanes {
		w := max(charWide*float64(utf8.RuneCountInString(name))+12, float64(barWide+slots[i]*slotStep+12))
		cols = append(cols, column{x, w})
		x += w
	}
	return cols, x + 8
}

// timeWide is how wide the times are.
func (p *Picture) timeWide() float64 {
	longest := 0
	for _, r := range p.rows {
		longest = max(longest, len(p.stamp(r.time)))
	}
	return charWide * float64(longest+1)
}

// Ladder draws the history with a row an event.
func (p *Picture) Ladder() template.HTML {
	if len(p.rows) == 0 {
		return ""
	}
	cols, textAt := p.columns()
	longest := 0
	for _, r := range p.rows {
		longest = max(longest, min(maxText, utf8.RuneCountInString(r.text)))
	}
	wide, high := textAt+charWide*float64(longest)+8, headHigh+rowHeight*len(p.rows)+4
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="ladder" role="img" aria-label="the history, a row an event" width="%.0f" height="%d">`, wide, high)
	for i, c := range cols {
		fmt.Fprintf(&b, `<text class="head" x="%.0f" y="14">%s</text><path class="lane" d="M%.0f %dV%d"/>`,
			c.x, html.EscapeString(p.lanes[i]), c.x+barWide/2, headHigh-4, high)
	}
	p.leaders(&b, cols, textAt)
	for _, bar := range p.bars {
		if !bar.hidden {
			p.ladderBar(&b, cols, bar)
		}
	}
	timeAt := p.timeWide()
	for i, r := range p.rows {
		p.ladderRow(&b, cols, i, r, timeAt, textAt)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// leaders are the thin lines from each row's lane to its text, as one path.
func (p *Picture) leaders(b *strings.Builder, cols []column, textAt float64) {
	b.WriteString(`<path class="leader" d="`)
	for i, r := range p.rows {
		if r.lane >= 0 {
			fmt.Fprintf(b, "M%.0f %dH%.0f", cols[r.lane].x+barWide+4, middle(i), textAt-4)
		}
	}
	b.WriteString(`"/>`)
}

// middle is the height of a row's middle.
func middle(row int) int { return headHigh + rowHeight*row + rowHeight/2 }

func (p *Picture) ladderBar(b *strings.Builder, cols []column, bar bar) {
	top, end := middle(bar.first)-6, middle(bar.last)+6
	fmt.Fprintf(b, `<rect class="%s" x="%.0f" y="%d" width="%d" height="%d" rx="2"><title>%s</title></rect>`, bar.kind,
		cols[bar.lane].x+float64(slotStep*min(bar.slot, maxSlots)), top, barWide, end-top, html.EscapeString(bar.text))
}

func (p *Picture) ladderRow(b *strings.Builder, cols []column, i int, r row, timeAt, textAt float64) {
	y := middle(i)
	if stamp := p.stamp(r.time); i == 0 || stamp != p.stamp(p.rows[i-1].time) {
		fmt.Fprintf(b, `<text class="time" x="%.0f" y="%d">%s</text>`, timeAt, y+4, stamp)
	}
	if r.lane >= 0 && (r.kind == traced || r.kind == console || r.kind == final) {
		fmt.Fprintf(b, `<circle class="%s" cx="%.0f" cy="%d" r="3"/>`, r.kind, cols[r.lane].x+barWide/2, y)
	}
	text, more := cut(r.text)
	fmt.Fprintf(b, `<text class="t-%s" x="%.0f" y="%d">%s%s</text>`, r.kind, textAt, y+4, html.EscapeString(text), more)
}

// cut shortens a text to what a row has room for, with the whole of it as a tooltip.
func cut(text string) (short, more string) {
	runes := []rune(text)
	if len(runes) <= maxText {
		return text, ""
	}
	return string(runes[:maxText-1]) + "…", "<title>" + html.EscapeString(text) + "</title>"
}
