package prog

import (
	"fmt"
	"slices"
)

// CheckError says which operation of a program cannot be meant.
type CheckError struct {
	Op  int // its number, or -1 for a witness or rule
	Why string
}

func (e *CheckError) Error() string {
	if e.Op < 0 {
		return e.Why
	}
	return fmt.Sprintf("op %d: %s", e.Op, e.Why)
}

// maxFile is the largest file position a program may touch, in bytes: guests' disks are small.
const maxFile = 64 << 20

// Check says whether the program means something: names are defined before they are used, expectations fit their
// operations, ranges fit a file. A program from Parse has been checked; one from the builder is by whoever runs it.
func (p Program) Check() error {
	if len(p.Ops) == 0 {
		return &CheckError{-1, "the program has no operation"}
	}
	c := &checker{program: p, labels: map[string]bool{}, tasks: map[string]bool{"main": true}}
	p.Walk(func(s Step) { c.declare(s) })
	p.Walk(func(s Step) { c.op(s) })
	c.cut(p)
	for _, r := range p.Rules {
		c.rule(r)
	}
	for _, w := range p.Witnesses {
		c.witness(w)
	}
	if c.err != nil {
		return c.err
	}
	return nil
}

type checker struct {
	program       Program
	labels, tasks map[string]bool
	aio           []string
	err           error
}

func (c *checker) fail(n int, why string, args ...any) {
	if c.err == nil {
		c.err = &CheckError{n, fmt.Sprintf(why, args...)}
	}
}

// declare notes what the operation defines.
func (c *checker) declare(s Step) {
	if l := s.Op.Label; l != "" {
		if c.labels[l] {
			c.fail(s.N, "the label @%s is given twice", l)
		}
		c.labels[l] = true
	}
	if s.Op.Verb == VGo {
		if c.tasks[s.Op.Task] {
			c.fail(s.N, "the task %s is started twice", s.Op.Task)
		}
		c.tasks[s.Op.Task] = true
		if s.InLoop {
			c.fail(s.N, "a task cannot be started in a loop")
		}
	}
	if a := s.Op.AIO; a != "" && s.Op.Verb != VReap {
		if slices.Contains(c.aio, s.Task+"/"+a) {
			c.fail(s.N, "the request %s is submitted twice", a)
		}
		c.aio = append(c.aio, s.Task+"/"+a)
	}
}

func (c *checker) op(s Step) {
	op := s.Op
	row, ok := op.Verb.info()
	if !ok {
		c.fail(s.N, "no operation is called %q", op.Verb)
		return
	}
	if op.Off < 0 || op.Len < 0 && !isLimit(op.Verb) && op.Verb != VFileLimit || !isLimit(op.Verb) && op.Verb != VReclaim && beyond(op) {
		c.fail(s.N, "%s goes beyond %s, the largest file a program may use", op.Verb, FormatSize(maxFile))
	}
	if op.Len == 0 && slices.Contains(row.args, aOff) {
		c.fail(s.N, "%s of no bytes", op.Verb)
	}
	if op.Verb.Writes() && !op.Fill.Valid() {
		c.fail(s.N, "%s needs a fill", op.Verb)
	}
	c.buffer(s)
	c.memory(s)
	c.space(s)
	c.paths(s)
	c.references(s)
	c.expect(s, row)
	if (op.Verb == VGo || op.Verb == VRepeat || op.Verb == VUntil) && len(op.Body) == 0 {
		c.fail(s.N, "%s has nothing to do", op.Verb)
	}
}

// beyond says whether the operation's range ends behind the largest file.
func beyond(op Op) bool { return op.Off > maxFile || op.Len > maxFile || op.Off+op.Len > maxFile }

// references checks the names that the operation uses.
func (c *checker) references(s Step) {
	op := s.Op
	needsTask := op.Verb == VJoin || op.Verb == VUntil || op.Verb == VAwaitBlocked
	if needsTask && (!c.tasks[op.Task] || op.Task == s.Task) {
		c.fail(s.N, "%s %s: no other task of that name is started", op.Verb, op.Task)
	}
	if op.Verb == VReap && !slices.Contains(c.aio, s.Task+"/"+op.AIO) {
		c.fail(s.N, "reap %s: the task %s submits no request of that name", op.AIO, s.Task)
	}
	if op.AIO != "" && s.InLoop && op.Verb != VReap && !c.program.reapsInLoop(s) {
		c.fail(s.N, "%s in a loop: it has to be reaped behind it in the same block, or the next turn submits it twice", op.Verb)
	}
	if b := op.Expect.Before; b != nil && !c.tasks[b.Task] {
		c.fail(s.N, "before %d later %s: no such task", b.N, b.Task)
	}
	if nb := op.Expect.NotBefore; nb != "" && !c.labels[nb] {
		c.fail(s.N, "not-before %s: no operation has that label", nb)
	}
}

// expect checks that the operation can be held to its expectation.
func (c *checker) expect(s Step, row verbInfo) {
	e := s.Op.Expect
	if (e.Exact != nil || e.OneOf != "") && (!row.reads || s.Op.Verb.Submits()) {
		c.fail(s.N, "%s returns no content: = and ? do not go with it", s.Op.Verb)
	}
	if e.Counts != nil && !row.count {
		c.fail(s.N, "%s returns no count: returns does not go with it", s.Op.Verb)
	}
	if row.class != cData && (len(e.Errnos) > 0 && s.Op.Verb != VRemount || e.MayBlock) {
		c.fail(s.N, "%s is the harness's own: it neither fails nor blocks by choice", s.Op.Verb)
	}
	if e.MayBlock && s.InLoop {
		c.fail(s.N, "may-block in a loop: the operation would overtake itself")
	}
	if e.MayBlock && (s.Op.Verb == VReap || s.Op.AIO != "") {
		c.fail(s.N, "may-block with %s: give it a task of its own instead", s.Op.Verb)
	}
	if e.MustFail && (e.Exact != nil || e.OneOf != "" || e.Counts != nil) {
		c.fail(s.N, "an operation that must fail returns nothing")
	}
}

func (c *checker) witness(w Witness) {
	switch w.Kind {
	case Lost, Pressed:
		if w.N < 1 {
			c.fail(-1, "witness %s %d: want a number from 1", w.Kind, w.N)
		}
	case HeldWhile, Blocked:
		if !c.labels[w.Label] {
			c.fail(-1, "witness %s %s: no operation has that label", w.Kind, w.Label)
		}
	case EventFired:
		if !isEvent(w.Event) {
			c.fail(-1, "witness event %q: want group:name, as in iomap:iomap_dio_invalidate_fail", w.Event)
		}
	default:
		c.fail(-1, "witness %q: want held-while, blocked, lost, pressure or event", w.Kind)
	}
}
