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
	for _, e := range h.Events {
		fmt.Fprintf(&b, "%10s  %-10s %s\n", h.stamp(e.Time), e.Task, e.line(steps))
	}
	return b.String()
}

func (h *History) stamp(t int64) string {
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

func (e Event) line(steps []prog.Step) string {
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
