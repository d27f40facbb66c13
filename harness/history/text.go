package history

import (
	"fmt"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Text prints the history for a person: a line an event, times in milliseconds from the first event (in scheduling points
// for the engine), the operations as the program spells them.
func (h *History) Text(p prog.Program) string {
	steps := p.Steps()
	var b strings.Builder
	for i := 0; i < len(h.Events); {
		n := h.plainRequests(i)
		if n < foldFrom {
			e := h.Events[i]
			fmt.Fprintf(&b, "%10s  %-10s %s\n", h.Stamp(e.Time), e.Task, e.Line(steps))
			i++
			continue
		}
		fmt.Fprintf(&b, "%10s  %-10s   disk: %d requests answered (#%d to #%d)\n",
			h.Stamp(h.Events[i].Time), "", n, h.Events[i].Request, h.Events[i+n-1].Request)
		i += n
	}
	return b.String()
}

// foldFrom is how many requests in a row, all answered at once, are printed as one line.
const foldFrom = 4

// plainRequests counts the disk requests from event i on that were answered without more ado.
func (h *History) plainRequests(i int) int {
	n := 0
	for i+n < len(h.Events) && h.Events[i+n].Kind == Disk && h.Events[i+n].What == Answered {
		n++
	}
	return n
}

// Stamp is a time as Text prints it.
func (h *History) Stamp(t int64) string {
	if h.Header.Target == "refengine" {
		return fmt.Sprint(t)
	}
	return fmt.Sprintf("%.3fms", float64(t-h.start())/1e6)
}

// start is the first operation's time: events from before it have negative stamps.
func (h *History) start() int64 {
	for _, e := range h.Events {
		if e.Kind == Invoke {
			return e.Time
		}
	}
	if len(h.Events) > 0 {
		return h.Events[0].Time
	}
	return 0
}

// Line is the event on one line, with its operation as the program's steps spell it.
func (e Event) Line(steps []prog.Step) string {
	op := ""
	if e.Op >= 0 && e.Op < len(steps) {
		op = steps[e.Op].Op.String()
	}
	switch e.Kind {
	case Invoke:
		return "→ " + op
	case Return:
		return "← " + op + "  ⇒ " + e.Result()
	case Blocked:
		return "  asleep in " + op + " at " + strings.Join(head(e.Where, 4), " < ")
	case Hang:
		return "! hangs in " + op + " at " + strings.Join(head(e.Where, 8), " < ")
	case Disk:
		return fmt.Sprintf("  disk: %s #%d [%#x, %#x) %s%s", e.Dir, e.Request, e.Off, e.Off+e.Len, e.What, spaced(e.Errno))
	case Trace:
		return "  trace: " + e.Name + " " + e.Text
	case Final:
		return fmt.Sprintf("  finally %s, %s: %s", e.File, e.Path, e.Result())
	}
	return "  " + string(e.Kind) + ": " + strings.TrimSpace(e.Name+" "+e.Text)
}

// Result is what an operation returned, in words.
func (e Event) Result() string {
	switch {
	case e.Errno != "" && e.N > 0:
		return fmt.Sprintf("%s after %s", e.Errno, prog.FormatSize(e.N))
	case e.Errno != "":
		return e.Errno
	case e.Data != nil:
		return e.Data.String()
	}
	return prog.FormatSize(e.N)
}

func spaced(s string) string {
	if s != "" {
		s = " " + s
	}
	return s
}

func head(s []string, n int) []string { return s[:min(n, len(s))] }
