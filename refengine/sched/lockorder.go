package sched

import (
	"fmt"
	"runtime"
	"strings"
)

// Inversion is two lock classes that were acquired in both orders, directly or through others, or two locks of one class
// of the same file acquired against their index order. Lockdep does the former; nothing in the kernel does it for folios.
type Inversion struct {
	Held, Acquired           string // what was held and acquired when the inversion was noticed
	Stack                    string // where
	EarlierHeld, EarlierTook string // the edge seen before that makes it an inversion; empty for an index order
	EarlierStack             string
}

// String returns the report with both stacks.
func (i Inversion) String() string {
	s := fmt.Sprintf("%s acquired while holding %s at\n%s", i.Acquired, i.Held, i.Stack)
	if i.EarlierHeld != "" {
		s += fmt.Sprintf("but %s was acquired while holding %s at\n%s", i.EarlierTook, i.EarlierHeld, i.EarlierStack)
	}
	return s
}

// Edge is one observed nesting of lock classes: Held was held while Acquired was acquired.
type Edge struct{ Held, Acquired string }

// lockOrder records which lock classes nest in which, over all executions of one Sched.
type lockOrder struct {
	classes    []string
	ids        map[string]uint8
	edges      map[[2]uint8][]uintptr
	inversions []Inversion
	descended  [256]bool // classes already reported for index order
}

// maxInversions bounds the reports kept: one is enough to fail, a few to see a pattern.
const maxInversions = 16

func (o *lockOrder) classOf(s *Sched, obj ObjID) uint8 {
	if o.ids == nil {
		o.ids, o.edges = map[string]uint8{}, map[[2]uint8][]uintptr{}
	}
	name := s.Label(obj).Class
	id, ok := o.ids[name]
	if !ok && len(o.classes) < 255 {
		id = uint8(len(o.classes))
		o.classes = append(o.classes, name)
		o.ids[name] = id
	}
	return id
}

// acquiring is told of every blocking acquisition before it happens. Trylocks cannot deadlock and are not told of.
func (o *lockOrder) acquiring(s *Sched, t *Task, obj ObjID) {
	if len(t.held) == 0 || s.killing {
		return
	}
	if s.Label(obj).Unordered {
		return
	}
	b := o.classOf(s, obj)
	for _, h := range t.held {
		if s.Label(h.obj).Unordered {
			continue
		}
		if a := o.classOf(s, h.obj); a == b {
			o.sameClass(s, a, h.obj, obj)
		} else if _, known := o.edges[[2]uint8{a, b}]; !known {
			o.add(a, b)
		}
	}
}

func (o *lockOrder) sameClass(s *Sched, c uint8, held, obj ObjID) {
	a, b := s.Label(held), s.Label(obj)
	if !a.Many || a.Of != b.Of || a.Index < b.Index || o.descended[c] {
		return
	}
	o.descended[c] = true
	o.report(Inversion{Held: a.String(), Acquired: b.String(), Stack: callers(pcs())})
}

func (o *lockOrder) add(a, b uint8) {
	stack := pcs()
	o.edges[[2]uint8{a, b}] = stack
	for c := range o.classes {
		back := [2]uint8{uint8(c), a}
		first, ok := o.edges[back]
		if !ok || !o.path(b, uint8(c), map[uint8]bool{}) {
			continue
		}
		o.report(Inversion{
			Held: o.classes[a], Acquired: o.classes[b], Stack: callers(stack),
			EarlierHeld: o.classes[c], EarlierTook: o.classes[a], EarlierStack: callers(first),
		})
	}
}

// path says whether b is reached from a along recorded edges.
func (o *lockOrder) path(a, b uint8, seen map[uint8]bool) bool {
	if a == b {
		return true
	}
	seen[a] = true
	for c := range o.classes {
		if _, ok := o.edges[[2]uint8{a, uint8(c)}]; ok && !seen[uint8(c)] && o.path(uint8(c), b, seen) {
			return true
		}
	}
	return false
}

func (o *lockOrder) report(i Inversion) {
	if len(o.inversions) < maxInversions {
		o.inversions = append(o.inversions, i)
	}
}

// Inversions returns the lock-order inversions seen in all executions so far.
func (s *Sched) Inversions() []Inversion { return s.order.inversions }

// LockEdges returns every nesting of lock classes seen so far, in an order that does not depend on map iteration.
func (s *Sched) LockEdges() []Edge {
	var edges []Edge
	o := &s.order
	for a := range o.classes {
		for b := range o.classes {
			if _, ok := o.edges[[2]uint8{uint8(a), uint8(b)}]; ok {
				edges = append(edges, Edge{o.classes[a], o.classes[b]})
			}
		}
	}
	return edges
}

func pcs() []uintptr {
	buf := make([]uintptr, 24)
	return buf[:runtime.Callers(5, buf)]
}

// callers renders a stack without the scheduler's own frames, one "function file:line" a line.
func callers(stack []uintptr) string {
	var sb strings.Builder
	frames := runtime.CallersFrames(stack)
	for {
		f, more := frames.Next()
		if !strings.Contains(f.Function, "/refengine/sched.(*Sched)") && !strings.HasPrefix(f.Function, "iter.") &&
			!strings.HasPrefix(f.Function, "runtime.") {
			fmt.Fprintf(&sb, "  %s:%d\n", f.Function[strings.LastIndexByte(f.Function, '/')+1:], f.Line)
		}
		if !more {
			return sb.String()
		}
	}
}
