package prog

import (
	"fmt"
	"strconv"
	"strings"
)

// EventRule is what must hold of the kernel's events while a program runs. Events are tracepoints as group:name, or calls of
// kernel functions as iomapcheck:function.
type EventRule struct {
	Kind EventRuleKind
	// Event is the event that the rule is about; for order the one that must come first.
	Event string
	// Then, for order, is the event that must come after it.
	Then string
	// N, for event, is how often it must fire at least.
	N int64
}

// EventRuleKind is a kind of rule.
type EventRuleKind string

// The kinds.
const (
	// OrderOf: inside each operation of a task, and for each folio where the events tell it, every Event is followed by a Then. What
	// Then does on its own counts for nothing: a folio is unlocked for many reasons. Neither do other tasks' events and other
	// folios. If Event never happens nothing was shown: unexercised.
	OrderOf EventRuleKind = "order"
	// Never: the event does not fire.
	Never EventRuleKind = "never"
	// Must: the event fires at least N times.
	Must EventRuleKind = "event"
)

// InOrder demands that an event comes before another one of the same operation, and of the same folio where both tell it.
func InOrder(first, then string) EventRule {
	return EventRule{Kind: OrderOf, Event: first, Then: then}
}

// NeverFires demands that a kernel event does not fire.
func NeverFires(event string) EventRule { return EventRule{Kind: Never, Event: event} }

// MustFire demands that a kernel event fires at least n times.
func MustFire(event string, n int64) EventRule { return EventRule{Kind: Must, Event: event, N: n} }

// Require is the program with more rules about the kernel's events.
func (p Program) Require(r ...EventRule) Program {
	p.Rules = append(p.Rules[:len(p.Rules):len(p.Rules)], r...)
	return p
}

// String is the rule's line.
func (r EventRule) String() string {
	words := []string{string(r.Kind), r.Event}
	if r.Kind == OrderOf {
		words = append(words, "before", r.Then)
	}
	if r.Kind == Must && r.N > 1 {
		words = append(words, "times", strconv.FormatInt(r.N, 10))
	}
	return strings.Join(words, " ")
}

// isRuleWord says whether a line that begins with the word is a rule.
func isRuleWord(w string) bool {
	return w == string(OrderOf) || w == string(Never) || w == string(Must)
}

// rule reads a rule's line.
func (p *parser) rule(words []string, depth int) error {
	if depth > 0 {
		return p.fail("a rule about events stands outside of blocks")
	}
	r, err := parseRule(words)
	if err != nil {
		return p.fail("%s: %v", words[0], err)
	}
	p.rules = append(p.rules, r)
	return nil
}

func parseRule(words []string) (EventRule, error) {
	r := EventRule{Kind: EventRuleKind(words[0])}
	switch {
	case r.Kind == OrderOf && len(words) == 4 && words[2] == "before":
		r.Event, r.Then = words[1], words[3]
	case r.Kind == Never && len(words) == 2:
		r.Event = words[1]
	case r.Kind == Must && len(words) == 2:
		r.Event, r.N = words[1], 1
	case r.Kind == Must && len(words) == 4 && words[2] == "times":
		n, err := parseCount(words[3])
		r.Event, r.N = words[1], n
		return r, err
	default:
		return r, fmt.Errorf("want %s", map[EventRuleKind]string{
			OrderOf: "order GROUP:NAME before GROUP:NAME", Never: "never GROUP:NAME", Must: "event GROUP:NAME [times N]"}[r.Kind])
	}
	return r, nil
}

func (c *checker) rule(r EventRule) {
	switch {
	case r.Kind != OrderOf && r.Kind != Never && r.Kind != Must:
		c.fail(-1, "rule %q: want order, never or event", r.Kind)
	case !isEvent(r.Event) || r.Kind == OrderOf && !isEvent(r.Then):
		c.fail(-1, "%s: want events as group:name, as in iomap:iomap_dio_invalidate_fail, or iomapcheck:FUNCTION for a call", r)
	case r.Kind == OrderOf && r.Event == r.Then:
		c.fail(-1, "%s: an event cannot come before itself", r)
	case r.Kind == Must && r.N < 1:
		c.fail(-1, "%s: want a number from 1", r)
	}
}
