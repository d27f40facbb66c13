package prog

import "slices"

// Without is the program without operation n and its body, and without what speaks of what is gone: joins and loops of a task that
// nobody starts, reaps of a request that nobody submits, expectations and witnesses of a label that nothing has.
func (p Program) Without(n int) Program {
	at := 0
	p.Ops = drop(p.Ops, n, &at)
	for {
		before := Size(p.Ops)
		p.Ops = tidy(p.Ops, namesIn(p.Ops))
		if Size(p.Ops) == before {
			break
		}
	}
	left := namesIn(p.Ops)
	_, cuts := p.Cut()
	p.Witnesses = slices.DeleteFunc(slices.Clone(p.Witnesses), func(w Witness) bool {
		return w.Label != "" && !left.labels[w.Label] || w.Kind == Lost && !cuts
	})
	return p
}

// drop leaves out the operation that has number n; at is the number of the first.
func drop(ops []Op, n int, at *int) []Op {
	var out []Op
	for _, op := range ops {
		if *at == n {
			*at += Size([]Op{op})
			continue
		}
		*at++
		if op.Body != nil {
			op.Body = drop(op.Body, n, at)
		}
		out = append(out, op)
	}
	return out
}

// names are what a program's operations introduce.
type names struct{ tasks, requests, labels map[string]bool }

func namesIn(ops []Op) names {
	n := names{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	Program{Ops: ops}.Walk(func(s Step) {
		switch s.Op.Verb {
		case VGo:
			n.tasks[s.Op.Task] = true
		case VAIOWrite, VAIORead:
			n.requests[s.Op.AIO] = true
		}
		n.labels[s.Op.Label] = true
	})
	return n
}

// tidy leaves out operations, and parts of expectations, that refer to what is not there, and empty blocks.
func tidy(ops []Op, n names) []Op {
	var out []Op
	for _, op := range ops {
		switch op.Verb {
		case VGo, VRepeat, VUntil:
			op.Body = tidy(op.Body, n)
			if len(op.Body) == 0 || op.Verb == VUntil && !n.tasks[op.Task] {
				continue
			}
		case VJoin, VAwaitBlocked:
			if !n.tasks[op.Task] {
				continue
			}
		case VReap:
			if !n.requests[op.AIO] {
				continue
			}
		}
		if !n.labels[op.Expect.NotBefore] {
			op.Expect.NotBefore = ""
		}
		if b := op.Expect.Before; b != nil && !n.tasks[b.Task] {
			op.Expect.Before = nil
		}
		out = append(out, op)
	}
	return out
}
