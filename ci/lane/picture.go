package lane

import (
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Picture is a history ready to be drawn.
type Picture struct {
	// Folded is how many events have no row of their own.
	Folded int

	lanes []string
	rows  []row
	bars  []bar
	// from and to are the times, in the history's unit, between which the program ran, and end the last event's: what follows the program is
	// the harness reading the files.
	from, to, end int64
	stamp         func(int64) string
}

// The lanes that are no tasks.
const (
	diskLane   = "disk"
	kernelLane = "kernel"
)

// row is a line of the ladder.
type row struct {
	time int64
	lane int
	text string
	kind kind
}

// bar is something that lasts: an operation, a request, a sleep. It goes from a row to another, and from a time to another.
type bar struct {
	lane, slot int
	first      int // rows
	last       int
	from, to   int64
	kind       kind
	text       string
	// hidden says that the ladder has the bar of another request in that place.
	hidden bool
}

// kind is how a row or a bar looks: the name of its class.
type kind string

const (
	operation kind = "op"
	culprit   kind = "bad" // the operation of the verdict, or one that hangs
	sleeping  kind = "sleep"
	held      kind = "held"
	inFlight  kind = "fly"
	refused   kind = "fail"
	traced    kind = "trace"
	console   kind = "log"
	final     kind = "final"
)

// Draw prepares a history of a program for drawing. Op is the number of the operation that the verdict is about, -1 for none.
func Draw(h *history.History, p prog.Program, op int) Picture {
	d := &drawing{
		Picture: Picture{stamp: h.Stamp}, history: h, steps: p.Steps(), op: op, at: make([]int, len(h.Events)),
	}
	d.last = lastReturn(h.Events)
	d.layOut()
	d.operations()
	d.requests()
	d.crop()
	return d.Picture
}

// drawing is a picture in the making.
type drawing struct {
	Picture
	history *history.History
	steps   []prog.Step
	op      int
	// at is each event's row.
	at []int
	// last is the index of the program's last return.
	last int
}

// lane is the lane of a name, which is made if it is new.
func (d *drawing) lane(name string) int {
	if i := slices.Index(d.lanes, name); i >= 0 {
		return i
	}
	d.lanes = append(d.lanes, name)
	return len(d.lanes) - 1
}

// laneOf is where an event is drawn.
func (d *drawing) laneOf(e history.Event) int {
	switch {
	case e.Kind == history.Disk:
		return d.lane(diskLane)
	case e.Kind == history.Console || e.Task == "":
		return d.lane(kernelLane)
	}
	return d.lane(taskOf(e))
}

// taskOf is the task in whose lane an event is. The reads after the program's end are drawn in main's: it has ended by then.
func taskOf(e history.Event) string {
	if e.Kind == history.Final || e.Task == "finally" {
		return "main"
	}
	return e.Task
}

// lastReturn is the index of the last operation's return, the last event's where none returns.
func lastReturn(events []history.Event) int {
	for i := len(events) - 1; i >= 0; i-- {
		if k := events[i].Kind; k == history.Return || k == history.Invoke {
			return i
		}
	}
	return len(events) - 1
}

// tasks names the lanes of tasks in the order in which they begin, so that the disk's and the console's come behind them.
func (d *drawing) tasks() {
	for _, e := range d.history.Events {
		if e.Task != "" {
			d.lane(taskOf(e))
		}
	}
	for _, e := range d.history.Events {
		if e.Kind == history.Disk {
			d.lane(diskLane)
			return
		}
	}
}
