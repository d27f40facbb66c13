package lane

import "github.com/iomapcheck/iomapcheck/harness/history"

// operations makes the bars of the tasks' operations and sleeps. What never returned lasts to the end.
func (d *drawing) operations() {
	open := map[string][]int{} // a task's bars that have not ended, the innermost last
	for i, e := range d.history.Events {
		mine := open[e.Task]
		switch e.Kind {
		case history.Invoke:
			d.bars = append(d.bars, d.begin(i, len(mine), d.kindOf(e), d.spelled(e)))
			open[e.Task] = append(mine, len(d.bars)-1)
		case history.Return:
			if len(mine) > 0 {
				d.finish(mine[len(mine)-1], i)
				open[e.Task] = mine[:len(mine)-1]
			}
		case history.Blocked:
			if len(mine) > 0 {
				d.sleep(i, len(mine))
			}
		}
	}
	for _, mine := range open {
		for _, b := range mine {
			d.bars[b].kind = culprit
		}
	}
}

// begin is a bar that begins with event i and lasts, until finish says otherwise, to the end.
func (d *drawing) begin(i, slot int, k kind, text string) bar {
	e := d.history.Events[i]
	return bar{lane: d.laneOf(e), slot: slot, first: d.at[i], last: len(d.rows) - 1, from: e.Time, to: d.end, kind: k, text: text}
}

// finish ends a bar with event i.
func (d *drawing) finish(b, i int) { d.bars[b].last, d.bars[b].to = d.at[i], d.history.Events[i].Time }

// sleep makes a bar from where a task was seen asleep to its operation's return.
func (d *drawing) sleep(i, depth int) {
	d.bars = append(d.bars, d.begin(i, depth, sleeping, "asleep"))
	e := d.history.Events[i]
	for j := i; j < len(d.history.Events); j++ {
		if r := d.history.Events[j]; r.Kind == history.Return && r.Task == e.Task && r.Op == e.Op {
			d.finish(len(d.bars)-1, j)
			return
		}
	}
}

// requests makes the bars of the disk: held, then in flight. A request that was answered at once has a bar as long as its row.
func (d *drawing) requests() {
	open := map[int64]int{}
	busy := map[int]bool{}
	for i, e := range d.history.Events {
		if e.Kind != history.Disk {
			continue
		}
		b, is := open[e.Request]
		if is {
			d.finish(b, i)
		}
		switch e.What {
		case history.Arrived, history.Held, history.Released:
			slot := 0
			if is {
				slot = d.bars[b].slot
			} else {
				for busy[slot] {
					slot++
				}
			}
			busy[slot] = true
			d.bars = append(d.bars, d.begin(i, slot, diskKind(e), e.Line(nil)))
			open[e.Request] = len(d.bars) - 1
		default:
			if is {
				delete(busy, d.bars[b].slot)
				delete(open, e.Request)
				if e.What == history.Failed {
					d.bars[b].kind = refused
				}
				continue
			}
			d.atOnce(i)
		}
	}
}

// atOnce makes the bar of a request that was answered when it came; those of one row share one in the ladder.
func (d *drawing) atOnce(i int) {
	e := d.history.Events[i]
	d.bars = append(d.bars, d.begin(i, 0, diskKind(e), e.Line(nil)))
	d.finish(len(d.bars)-1, i)
	d.bars[len(d.bars)-1].hidden = i > 0 && d.at[i-1] == d.at[i]
}
