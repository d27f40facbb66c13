package prog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// reader takes one line's words apart.
type reader struct {
	words []string
	brace bool // the line ended in {
}

func (r *reader) peek() string {
	if len(r.words) == 0 {
		return ""
	}
	return r.words[0]
}

func (r *reader) next() string {
	w := r.peek()
	if w != "" {
		r.words = r.words[1:]
	}
	return w
}

// verb takes a verb of one or two words ("await held", "memory max").
func (r *reader) verb() Verb {
	v := Verb(r.next())
	if v == "await" || v == "memory" {
		v += Verb(" " + r.next())
	}
	return v
}

// threadWord takes thread or thread:, leaving the colon as a word.
func (r *reader) threadWord() {
	if r.next() == "thread:" {
		r.words = append([]string{":"}, r.words...)
	}
}

// arg reads one argument into op.
func (r *reader) arg(op *Op, a arg) error {
	if a.isOptional() {
		return r.optional(op, a)
	}
	w := r.next()
	if w == "" {
		return fmt.Errorf("want %s", a.usage(op.Verb))
	}
	var err error
	switch a {
	case aFile:
		op.File, err = parseName(w)
	case aOff:
		op.Off, err = ParseSize(w)
	case aLen:
		op.Len, err = ParseSize(w)
	case aFill:
		op.Fill, err = ParseFill(w, false)
	case aMode:
		op.Mode, err = parseMode(w)
	case aTask:
		err = r.task(op, w)
	case aAIO:
		err = r.aio(op, w)
	case aCount:
		op.Count, err = parseCount(w)
	case aReqs:
		op.Reqs, err = parseRequests(w)
	case aErrno:
		op.Errno, err = parseErrno(w)
	case aSwitch:
		op.On, err = parseSwitch(w)
	case aTo:
		op.To, err = parseName(w)
	case aToOff:
		op.ToOff, err = ParseSize(w)
	case aAttr:
		op.Attr, err = parseAttr(w)
	case aLimit:
		op.Len, err = parseLimit(w)
	}
	return err
}

// task reads a task's name; behind go it may carry the colon of the short form.
func (r *reader) task(op *Op, w string) (err error) {
	name, colon := strings.CutSuffix(w, ":")
	if colon && op.Verb == VGo {
		r.words = append([]string{":"}, r.words...)
		w = name
	}
	op.Task, err = parseName(w)
	return err
}

func (r *reader) aio(op *Op, w string) (err error) {
	if op.Verb != VReap {
		if w != "as" {
			return fmt.Errorf("want as NAME, not %s", w)
		}
		w = r.next()
	}
	op.AIO, err = parseName(w)
	return err
}

func (r *reader) optional(op *Op, a arg) (err error) {
	switch {
	case a == aWhere && len(r.words) >= 3 && isName(r.words[0]) && !isKeyword(r.words[0]) && parseErrnoOK(r.words[0]) != nil:
		for _, part := range []arg{aFile, aOff, aLen} {
			if err = r.arg(op, part); err != nil {
				return err
			}
		}
	case a == aTimes && r.peek() == "times":
		r.next()
		op.Count, err = parseCount(r.next())
	case a == aWhich && (r.peek() == "oldest" || r.peek() == "newest"):
		op.Which = map[string]Which{"oldest": Oldest, "newest": Newest}[r.next()]
		op.Count, err = parseCount(r.next())
	case a == aKeep:
		return r.keep(op)
	case a == aIn && r.peek() == "in":
		r.next()
		op.In, err = parseNames(r.next())
	}
	return err
}

// tail reads flags, expectations, the label and the brace.
func (r *reader) tail(op *Op, row verbInfo) error {
	for len(r.words) > 0 {
		w := r.next()
		if w == "{" && len(r.words) == 0 {
			r.brace = true
			return nil
		}
		if label, ok := strings.CutPrefix(w, "@"); ok {
			name, err := parseName(label)
			if err != nil {
				return err
			}
			op.Label = name
			continue
		}
		if i := slices.IndexFunc(flagNames(), func(f flagName) bool { return f.name == w && row.flags&f.flag != 0 }); i >= 0 {
			op.Flags |= flagNames()[i].flag
			continue
		}
		if isBufferWord(w) {
			if err := r.buffer(op, w); err != nil {
				return err
			}
			continue
		}
		if err := r.expect(&op.Expect, w); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) expect(e *Expect, w string) (err error) {
	switch w {
	case "=":
		e.Exact, err = ParseContent(r.next(), WholeLen)
	case "?":
		e.OneOf, err = parseOneOf(r.next())
	case "returns":
		e.Counts, err = parseSizes(r.next())
	case "fails", "may-fail":
		e.MustFail = w == "fails"
		e.Errnos, err = parseErrnos(r.next())
	case "may-block":
		e.MayBlock = true
	case "before":
		e.Before, err = r.bypass()
	case "not-before":
		e.NotBefore, err = parseName(r.next())
	default:
		return fmt.Errorf("do not understand %q; want =, ?, returns, fails, may-fail, may-block, before, not-before, via, guard or @label", w)
	}
	return err
}

func (r *reader) bypass() (*Bypass, error) {
	n, err := parseCount(r.next())
	if err != nil {
		return nil, err
	}
	if r.next() != "later" {
		return nil, fmt.Errorf("want before N later TASK")
	}
	task, err := parseName(r.next())
	return &Bypass{N: n, Task: task}, err
}

func parseCount(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("count %q: want a number from 1", s)
	}
	return n, nil
}

func parseSwitch(s string) (bool, error) {
	if s != "on" && s != "off" {
		return false, fmt.Errorf("%q: want on or off", s)
	}
	return s == "on", nil
}

func parseMode(s string) (FallocMode, error) {
	if !slices.Contains(FallocModes(), FallocMode(s)) {
		return "", fmt.Errorf("mode %q: want one of %v", s, FallocModes())
	}
	return FallocMode(s), nil
}

func parseRequests(s string) (Requests, error) {
	if s == "all" {
		return AllRequests, nil
	}
	var set Requests
	for _, part := range strings.Split(s, "+") {
		i := slices.IndexFunc(requestNames(), func(n requestName) bool { return n.name == part })
		if i < 0 {
			return 0, fmt.Errorf("requests %q: want reads, writes, flushes, some joined by +, or all", s)
		}
		set |= requestNames()[i].set
	}
	return set, nil
}

func parseSizes(s string) ([]int64, error) {
	var out []int64
	for _, part := range strings.Split(s, "|") {
		n, err := ParseSize(part)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

func parseOneOf(s string) (string, error) {
	var out string
	for _, part := range strings.Split(s, "|") {
		f, err := ParseFill(part, true)
		if err != nil {
			return "", err
		}
		out += f.String()
	}
	return out, nil
}
