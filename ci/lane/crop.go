package lane

import "fmt"

// maxRows is how long a ladder may be that is drawn in full; a longer one keeps its two ends, and what is about the verdict's operation: the last
// rows of it, so that one in a loop does not keep everything.
const maxRows = 160

// kept says which rows of a long ladder stay.
func (d *drawing) kept() []bool {
	keep := make([]bool, len(d.rows))
	near := 0
	for i := len(d.rows) - 1; i >= 0; i-- {
		keep[i] = keep[i] || i < maxRows/3 || i >= len(d.rows)-maxRows/3
		if d.rows[i].kind != culprit || near >= maxRows/3 {
			continue
		}
		for j := max(0, i-4); j < min(len(keep), i+4); j++ {
			if !keep[j] {
				keep[j] = true
				near++
			}
		}
	}
	return keep
}

// crop leaves the middle of a long ladder out. Bars keep their times.
func (d *drawing) crop() {
	if len(d.rows) <= maxRows {
		return
	}
	keep := d.kept()
	now := make([]int, len(d.rows)) // each old row's new place
	var rows []row
	left := 0
	for i, r := range d.rows {
		switch {
		case keep[i]:
			rows, left = append(rows, r), 0
		case left == 0:
			rows, left = append(rows, row{time: r.time, lane: -1, kind: traced}), 1
		default:
			left++
		}
		if left > 0 {
			rows[len(rows)-1].text = fmt.Sprintf("… %d rows left out", left)
			d.Folded++
		}
		now[i] = len(rows) - 1
	}
	for i := range d.bars {
		d.bars[i].first, d.bars[i].last = now[d.bars[i].first], now[d.bars[i].last]
	}
	d.rows = rows
}
