package judge

import (
	"fmt"
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// noteTraceLost says that the record of the kernel's events has holes.
const noteTraceLost = "trace-lost"

// eventRules is what the program says about the kernel's events, as far as it is broken. What could not be seen is unshown's.
func (r *run) eventRules() *Result {
	for _, rule := range r.program.Rules {
		var res *Result
		switch rule.Kind {
		case prog.Never:
			res = r.never(rule)
		case prog.Must:
			res = r.must(rule)
		case prog.OrderOf:
			res = r.inOrder(rule)
		}
		if res != nil {
			return res
		}
	}
	return nil
}

func (r *run) never(rule prog.EventRule) *Result {
	fired, _ := r.during(rule.Event)
	if len(fired) == 0 {
		return nil
	}
	text := fmt.Sprintf("%s fired %d times while the program ran, first with %q", rule.Event, len(fired), fired[0].Text)
	if c := r.callAt(fired[0]); c != nil {
		return c.on(Fail, RuleEvent, "%s, want never", text)
	}
	return general(Fail, RuleEvent, "%s, want never", text)
}

func (r *run) must(rule prog.EventRule) *Result {
	fired, _ := r.during(rule.Event)
	if n := int64(len(fired)); n < rule.N && r.missing(rule.Event) == "" && !r.traceLost() {
		return general(Fail, RuleEvent, "%s fired %d times while the program ran, want at least %d", rule.Event, n, rule.N)
	}
	return nil
}

// inOrder looks at each operation by itself, and in it at each folio: a first event that no second one follows came too late, or alone.
// An event that tells no folio is taken for one of every folio's. An operation that did not return is not judged.
//
//	hook  unlock                     in order
//	unlock  hook  unlock             in order: a folio is unlocked for other reasons too
//	unlock  hook                     broken
//	hook  unlock  unlock  hook       broken
func (r *run) inOrder(rule prog.EventRule) *Result {
	byCall := map[*call][]history.Event{}
	var calls []*call
	events, _ := r.during(rule.Event, rule.Then)
	for _, e := range events {
		c := r.callAt(e)
		if c == nil || !c.returned() {
			continue
		}
		if byCall[c] == nil {
			calls = append(calls, c)
		}
		byCall[c] = append(byCall[c], e)
	}
	for _, c := range calls {
		for _, folio := range foliosOf(byCall[c]) {
			if bad := disorder(rule, byCall[c], folio); bad != "" {
				return c.on(Fail, RuleOrder, "%s%s, want %s", bad, ofFolio(folio), rule)
			}
		}
	}
	return nil
}

func ofFolio(folio string) string {
	if folio == "" {
		return ""
	}
	return " for folio " + folio
}

// foliosOf lists the folios that events tell, "" alone where none does.
func foliosOf(events []history.Event) []string {
	var out []string
	for _, e := range events {
		if e.Folio != "" && !slices.Contains(out, e.Folio) {
			out = append(out, e.Folio)
		}
	}
	if out == nil {
		return []string{""}
	}
	return out
}

// disorder says how the events of one folio break an order, "" where they do not.
func disorder(rule prog.EventRule, events []history.Event, folio string) string {
	var last history.Event
	second := false
	for _, e := range events {
		if e.Folio != "" && e.Folio != folio {
			continue
		}
		second = second || e.Name == rule.Then
		last = e
	}
	switch {
	case last.Name != rule.Event:
		return ""
	case second:
		return fmt.Sprintf("%s came after the last %s", rule.Event, rule.Then)
	}
	return fmt.Sprintf("%s came, and no %s after it", rule.Event, rule.Then)
}

// during lists the kernel's events of these names while the program ran, in order, and counts those before and after.
func (r *run) during(names ...string) (in []history.Event, outside int64) {
	from, to := r.span()
	for _, e := range r.history.Of(history.Trace) {
		switch {
		case !slices.Contains(names, e.Name):
		case len(r.calls) > 0 && e.Time >= from && e.Time <= to:
			in = append(in, e)
		default:
			outside++
		}
	}
	slices.SortStableFunc(in, func(a, b history.Event) int { return compare(a.Time, b.Time) })
	return in, outside
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// span is from the first operation's beginning to the last one's return.
func (r *run) span() (from, to int64) {
	for i, c := range r.calls {
		if i == 0 || c.invTime < from {
			from = c.invTime
		}
		if i == 0 || c.retTime > to {
			to = c.retTime
		}
	}
	return from, to
}

// callAt is the operation of the event's task that was under way when the event happened, nil where there is none.
func (r *run) callAt(e history.Event) *call {
	for _, c := range r.calls {
		if e.Task != "" && c.step.Task == e.Task && !isFlow(c.step.Op.Verb) && c.invTime <= e.Time && (c.stuck() || e.Time <= c.retTime) {
			return c
		}
	}
	return nil
}

func (r *run) traceLost() bool {
	return slices.ContainsFunc(r.history.Of(history.Note), func(e history.Event) bool { return e.Name == noteTraceLost })
}

// unshown is why the rules about events showed nothing although none is broken: the kernel lacks an event, the record has holes, or
// what must come first never came.
func (r *run) unshown() *Result {
	for _, rule := range r.program.Rules {
		for _, event := range []string{rule.Event, rule.Then} {
			if reason := r.missing(event); reason != "" {
				return general(Unsupported, RuleWitness, "this kernel does not offer what %q is about: %s", rule, reason)
			}
		}
	}
	for _, rule := range r.program.Rules {
		if r.traceLost() {
			return general(Unexercised, RuleWitness, "%s: the record of the kernel's events has holes, so that nothing is shown", rule)
		}
		if fired, _ := r.during(rule.Event); rule.Kind == prog.OrderOf && len(fired) == 0 {
			return general(Unexercised, RuleWitness, "%s: %s never happened while the program ran, so that no order was shown", rule, rule.Event)
		}
	}
	return nil
}
