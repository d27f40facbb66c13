package lane

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/history"
)

// The least number of events in a row that are worth folding: requests answered at once, and trace events of one name.
const (
	foldRequests = 4
	foldTraces   = 3
)

// layOut makes the rows.
func (d *drawing) layOut() {
	d.tasks()
	events := d.history.Events
	if len(events) > 0 {
		d.from, d.to, d.end = events[firstInvoke(events)].Time, events[d.last].Time, events[len(events)-1].Time
	}
	for i := 0; i < len(events); {
		n := d.fold(i)
		if n == 0 {
			n = d.single(i)
		}
		i += n
	}
}

// firstInvoke is the index of the first operation's beginning, 0 where none begins.
func firstInvoke(events []history.Event) int {
	return max(0, slices.IndexFunc(events, func(e history.Event) bool { return e.Kind == history.Invoke }))
}

// add makes a row for the events [i, i+n).
func (d *drawing) add(i, n int, k kind, text string) {
	e := d.history.Events[i]
	for j := i; j < i+n; j++ {
		d.at[j] = len(d.rows)
	}
	d.rows = append(d.rows, row{time: e.Time, lane: d.laneOf(e), text: text, kind: k})
}

// fold makes one row, or few, of a swarm that begins at event i; it returns how many events it took, 0 where there is none.
func (d *drawing) fold(i int) int {
	if i > d.last {
		return d.foldAfterwards(i)
	}
	if n := d.run(i, plain); n >= foldRequests {
		d.Folded += n - 1
		d.add(i, n, inFlight, fmt.Sprintf("%d requests answered at once", n))
		return n
	}
	task := d.history.Events[i].Task
	n := d.run(i, func(e history.Event) bool { return e.Kind == history.Trace && e.Task == task })
	if n < foldTraces {
		return 0
	}
	return d.foldTraces(i, n)
}

// foldAfterwards folds what the kernel and the disk do while the harness reads the files: it is all the same.
func (d *drawing) foldAfterwards(i int) int {
	n := d.run(i, func(e history.Event) bool { return e.Kind == history.Trace || plain(e) })
	if n < 2 {
		return 0
	}
	d.Folded += n - 1
	d.add(i, n, traced, fmt.Sprintf("%d events of reading the files", n))
	return n
}

// foldTraces makes rows of n trace events of one task: those whose names come often stand together.
func (d *drawing) foldTraces(i, n int) int {
	count := map[string]int{}
	for _, e := range d.history.Events[i : i+n] {
		count[e.Name]++
	}
	for j := i; j < i+n; {
		if often := func(e history.Event) bool { return count[e.Name] >= foldTraces }; often(d.history.Events[j]) {
			m := min(d.run(j, often), i+n-j)
			d.Folded += m - 1
			d.add(j, m, traced, swarm(d.history.Events[j:j+m]))
			j += m
			continue
		}
		j += d.single(j)
	}
	return n
}

// swarm names what a stretch of trace events consists of: "16 × iomap_write_end, 16 × folio_unlock".
func swarm(events []history.Event) string {
	count := map[string]int{}
	var names []string
	for _, e := range events {
		if count[e.Name]++; count[e.Name] == 1 {
			names = append(names, e.Name)
		}
	}
	var parts []string
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%d × %s", count[name], short(name)))
	}
	return strings.Join(parts, ", ")
}

// short is an event's name without its group, where that says only that we asked for it.
func short(name string) string { return strings.TrimPrefix(name, "iomapcheck:") }

// run is how many events from i on are of a sort.
func (d *drawing) run(i int, sort func(history.Event) bool) int {
	n := 0
	for i+n < len(d.history.Events) && sort(d.history.Events[i+n]) {
		n++
	}
	return n
}

// plain says whether the event is a request that was answered without more ado.
func plain(e history.Event) bool { return e.Kind == history.Disk && e.What == history.Answered }

// single makes a row of event i, with the return that follows an invocation at once; it returns how many events it took.
func (d *drawing) single(i int) int {
	e := d.history.Events[i]
	switch e.Kind {
	case history.Invoke:
		return d.invoke(i)
	case history.Return:
		d.add(i, 1, d.kindOf(e), "⇒ "+e.Result()+"  ("+d.spelled(e)+")")
	case history.Trace:
		d.add(i, 1, traced, short(e.Name)+" "+e.Text)
	case history.Disk:
		d.add(i, 1, diskKind(e), strings.TrimPrefix(strings.TrimSpace(e.Line(d.steps)), "disk: "))
	case history.Console:
		d.add(i, 1, console, e.Name+": "+e.Text)
	default:
		d.add(i, 1, d.kindOf(e), strings.TrimSpace(e.Line(d.steps)))
	}
	return 1
}

// invoke is a row for an operation that begins, and for its end as well where nothing happens in between.
func (d *drawing) invoke(i int) int {
	events := d.history.Events
	e := events[i]
	text := d.spelled(e)
	if i+1 < len(events) && events[i+1].Kind == history.Return && events[i+1].Task == e.Task && events[i+1].Op == e.Op {
		d.add(i, 2, d.kindOf(e), text+"  ⇒ "+events[i+1].Result())
		return 2
	}
	d.add(i, 1, d.kindOf(e), text)
	return 1
}

// spelled is the event's operation as the program spells it, with its number, by which verdicts call it.
func (d *drawing) spelled(e history.Event) string {
	if e.Op < 0 || e.Op >= len(d.steps) {
		return fmt.Sprintf("op %d", e.Op)
	}
	return fmt.Sprintf("%d: %s", e.Op, d.steps[e.Op].Op)
}

func (d *drawing) kindOf(e history.Event) kind {
	switch {
	case e.Kind == history.Hang || e.Op == d.op && d.op >= 0:
		return culprit
	case e.Kind == history.Blocked:
		return sleeping
	case e.Kind == history.Console || e.Kind == history.Note:
		return console
	case e.Kind == history.Final:
		return final
	case e.Kind == history.Trace:
		return traced
	}
	return operation
}

func diskKind(e history.Event) kind {
	switch e.What {
	case history.Held:
		return held
	case history.Failed:
		return refused
	}
	return inFlight
}
