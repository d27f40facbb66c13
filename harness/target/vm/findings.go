package vm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/oops"
	"github.com/iomapcheck/iomapcheck/harness/oops/symbol"
)

// consoleEvent is a finding in a history, with the places in the source of what its stacks name.
func consoleEvent(f oops.Finding, at int64, symbols *symbol.Table) history.Event {
	return history.Event{Kind: history.Console, Time: at, Op: -1, Name: string(f.Kind), Text: f.Title, Where: symbols.Annotate(f.Lines)}
}

// annotate adds places in the source to a text with stacks.
func (t *Target) annotate(text string) string {
	return strings.Join(t.symbols.Annotate(strings.Split(text, "\n")), "\n")
}

// withFindings puts findings among the events, which are in order of time: each behind what had happened when the kernel began to report it,
// or at the end, where it is not known when that was.
func (m *machine) withFindings(events []history.Event, found []oops.Finding, end int64) []history.Event {
	for _, f := range found {
		e := consoleEvent(f, m.log.when(f, end), m.target.symbols)
		i := len(events)
		for i > 0 && events[i-1].Time > e.Time {
			i--
		}
		events = slices.Insert(events, i, e)
	}
	return events
}

// findingsText is what the kernel complained of, for people; "" if there is only what a failing device explains.
func (m *machine) findingsText(found []oops.Finding) string {
	var b strings.Builder
	for _, f := range found {
		if f.Severity == oops.Info {
			continue
		}
		fmt.Fprintf(&b, "%s\n", f)
		for _, line := range m.target.symbols.Annotate(f.Lines) {
			fmt.Fprintf(&b, "    %s\n", line)
		}
	}
	return b.String()
}
