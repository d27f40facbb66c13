package prog

import (
	"slices"
	"strings"
)

// Step is an operation with its place in the program.
type Step struct {
	// N is the operation's number: its place in the text, blocks' own lines included, from 0. Histories and reports name
	// operations by it.
	N      int
	Op     Op
	Task   string // the task that runs it
	InLoop bool
}

// Walk visits every operation in the order of the text.
func (p Program) Walk(visit func(Step)) {
	n := 0
	walk(p.Ops, "main", false, &n, visit)
}

func walk(ops []Op, task string, loop bool, n *int, visit func(Step)) {
	for _, op := range ops {
		visit(Step{N: *n, Op: op, Task: task, InLoop: loop})
		*n++
		switch op.Verb {
		case VGo:
			walk(op.Body, op.Task, loop, n, visit)
		case VRepeat, VUntil:
			walk(op.Body, task, true, n, visit)
		}
	}
}

// Size is how many operations ops hold, their bodies included: the amount by which numbers advance over them.
func Size(ops []Op) int {
	n := 0
	walk(ops, "", false, &n, func(Step) {})
	return n
}

// Steps lists the program's operations by number.
func (p Program) Steps() []Step {
	var steps []Step
	p.Walk(func(s Step) { steps = append(steps, s) })
	return steps
}

// Find is the operation with that label.
func (p Program) Find(label string) (Step, bool) {
	for _, s := range p.Steps() {
		if label != "" && s.Op.Label == label {
			return s, true
		}
	}
	return Step{}, false
}

// Files lists the files that the program names, in the order of their first use.
func (p Program) Files() []string {
	var files []string
	seen := map[string]bool{}
	p.Walk(func(s Step) {
		for _, f := range []string{s.Op.File, s.Op.To, s.Op.Buffer.File} {
			if f != "" && !seen[f] {
				seen[f] = true
				files = append(files, f)
			}
		}
	})
	return files
}

// Extent is how far the program touches a file, in bytes from its start; a clone can make a file as long as any other.
func (p Program) Extent(file string) int64 {
	var end int64
	clones := slices.ContainsFunc(p.Steps(), func(s Step) bool { return s.Op.Verb == VClone })
	p.Walk(func(s Step) {
		if s.Op.File == file || clones {
			end = max(end, s.Op.Off+s.Op.Len)
		}
		if s.Op.Verb == VCopyRange && (s.Op.To == file || clones) {
			end = max(end, s.Op.ToOff+s.Op.Len)
		}
		if s.Op.Buffer.File == file || clones && s.Op.Buffer.Kind == Via {
			end = max(end, s.Op.Buffer.Off+s.Op.Len)
		}
	})
	return end
}

// Events lists the kernel events that the program's witnesses and rules speak of, as group:name, each once.
func (p Program) Events() []string {
	var events []string
	for _, w := range p.Witnesses {
		if w.Kind == EventFired {
			events = append(events, w.Event)
		}
	}
	for _, r := range p.Rules {
		events = append(events, r.Event)
		if r.Kind == OrderOf {
			events = append(events, r.Then)
		}
	}
	slices.Sort(events)
	return slices.Compact(events)
}

func isEvent(s string) bool {
	group, name, ok := strings.Cut(s, ":")
	return ok && isName(group) && isName(name)
}
