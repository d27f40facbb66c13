package lane

import (
	"fmt"
	"html"
	"html/template"
	"strings"
)

// The overview's measures, in CSS pixels; across it is in per cent of whatever width there is.
const (
	laneHigh  = 30
	barHigh   = 10
	labelHigh = 13
)

// Overview draws the lanes above each other with time to scale, as long as the program runs. It is as wide as there is room.
func (p *Picture) Overview() template.HTML {
	if len(p.rows) == 0 || p.to == p.from {
		return ""
	}
	at, lanes := p.shownLanes()
	high := laneHigh*len(lanes) + 18
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="overview" role="img" aria-label="the history, with time to scale" width="100%%" height="%d">`, high)
	for i, name := range lanes {
		fmt.Fprintf(&b, `<text class="head" x="0" y="%d">%s</text><line class="lane" x1="0" x2="100%%" y1="%d" y2="%d"/>`,
			laneHigh*i+labelHigh-3, html.EscapeString(name), laneHigh*i+labelHigh+barHigh/2, laneHigh*i+labelHigh+barHigh/2)
	}
	for _, bar := range p.bars {
		if bar.from >= p.from && bar.from <= p.to {
			p.overviewBar(&b, at[bar.lane], bar)
		}
	}
	for _, r := range p.rows {
		if r.lane >= 0 && r.time >= p.from && r.time <= p.to && (r.kind == traced || r.kind == console) {
			fmt.Fprintf(&b, `<circle class="%s" cx="%s" cy="%d" r="2"/>`, r.kind, p.across(r.time), laneHigh*at[r.lane]+labelHigh+barHigh/2)
		}
	}
	fmt.Fprintf(&b, `<text class="time0" x="0" y="%d">%s</text><text class="time" x="100%%" y="%d">%s</text></svg>`, high-4, p.stamp(p.from), high-4, p.stamp(p.to))
	return template.HTML(b.String())
}

// shownLanes are the lanes in which something happens while the program runs, and the place of each lane among them.
func (p *Picture) shownLanes() (at []int, names []string) {
	busy := make([]bool, len(p.lanes))
	for _, b := range p.bars {
		busy[b.lane] = busy[b.lane] || b.from >= p.from && b.from <= p.to
	}
	for _, r := range p.rows {
		if r.lane >= 0 && r.time >= p.from && r.time <= p.to {
			busy[r.lane] = true
		}
	}
	for i, name := range p.lanes {
		at = append(at, len(names))
		if busy[i] {
			names = append(names, name)
		}
	}
	return at, names
}

// across is a time as a place from left to right.
func (p *Picture) across(t int64) string {
	return fmt.Sprintf("%.2f%%", 100*float64(t-p.from)/float64(p.to-p.from))
}

func (p *Picture) overviewBar(b *strings.Builder, lane int, bar bar) {
	// Two of a thousand is the least that can be seen.
	wide := max(0.2, 100*float64(min(bar.to, p.to)-bar.from)/float64(p.to-p.from))
	fmt.Fprintf(b, `<rect class="%s" x="%s" y="%d" width="%.2f%%" height="%d"><title>%s</title></rect>`,
		bar.kind, p.across(bar.from), laneHigh*lane+labelHigh+2*min(bar.slot, 2), wide, barHigh, html.EscapeString(bar.text))
}
