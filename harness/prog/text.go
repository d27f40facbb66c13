package prog

import (
	"fmt"
	"strconv"
	"strings"
)

// String is the program's text form; Parse reads it back to an equal program.
func (p Program) String() string {
	var b strings.Builder
	printOps(&b, p.Ops, "")
	for _, r := range p.Rules {
		b.WriteString(r.String() + "\n")
	}
	for _, w := range p.Witnesses {
		b.WriteString(w.String() + "\n")
	}
	return b.String()
}

func printOps(b *strings.Builder, ops []Op, indent string) {
	for _, op := range ops {
		b.WriteString(indent + op.String())
		if op.hasBlock() {
			b.WriteString(" {\n")
			printOps(b, op.Body, indent+"  ")
			b.WriteString(indent + "}")
		}
		b.WriteString("\n")
	}
}

// hasBlock says whether the operation's body is printed as a block in braces; a go of a single plain operation is not.
func (op Op) hasBlock() bool {
	switch op.Verb {
	case VRepeat, VUntil:
		return true
	case VGo:
		return len(op.Body) != 1 || op.Body[0].isFlowBlock()
	}
	return false
}

func (op Op) isFlowBlock() bool { return op.Verb == VRepeat || op.Verb == VUntil || op.Verb == VGo }

// String is the operation on one line, without a block's body.
func (op Op) String() string {
	row, _ := op.Verb.info()
	words := []string{string(op.Verb)}
	for _, a := range row.args {
		words = append(words, op.printArg(a)...)
	}
	words = append(words, op.Buffer.words()...)
	for _, f := range flagNames() {
		if op.Flags&f.flag != 0 {
			words = append(words, f.name)
		}
	}
	if op.Verb == VGo && op.Thread {
		words = append(words, "thread")
	}
	if op.Verb == VGo && !op.hasBlock() {
		words[len(words)-1] += ":"
		words = append(words, op.Body[0].String())
	}
	words = append(words, op.Expect.words()...)
	if op.Label != "" {
		words = append(words, "@"+op.Label)
	}
	return strings.Join(words, " ")
}

func (op Op) printArg(a arg) []string {
	switch a {
	case aFile:
		return []string{op.File}
	case aOff:
		return []string{FormatSize(op.Off)}
	case aLen:
		return []string{FormatSize(op.Len)}
	case aFill:
		return []string{op.Fill.String()}
	case aMode:
		return []string{string(op.Mode)}
	case aTask:
		return []string{op.Task}
	case aAIO:
		if op.Verb == VReap {
			return []string{op.AIO}
		}
		return []string{"as", op.AIO}
	case aCount:
		return []string{strconv.FormatInt(op.Count, 10)}
	case aErrno:
		return []string{op.Errno}
	case aReqs:
		return []string{op.Reqs.String()}
	case aTo:
		return []string{op.To}
	case aToOff:
		return []string{FormatSize(op.ToOff)}
	case aAttr:
		return []string{string(op.Attr)}
	case aLimit:
		return []string{formatLimit(op.Len)}
	}
	return op.printOptional(a)
}

func (op Op) printOptional(a arg) []string {
	switch {
	case a == aWhere && op.File != "":
		return []string{op.File, FormatSize(op.Off), FormatSize(op.Len)}
	case a == aTimes && op.Count > 0:
		return []string{"times", strconv.FormatInt(op.Count, 10)}
	case a == aWhich && op.Which != All:
		return []string{map[Which]string{Oldest: "oldest", Newest: "newest"}[op.Which], strconv.FormatInt(op.Count, 10)}
	case a == aIn && len(op.In) > 0:
		return []string{"in", strings.Join(op.In, "|")}
	case a == aKeep:
		return op.printKeep()
	case a == aSwitch && op.On:
		return []string{"on"}
	case a == aSwitch:
		return []string{"off"}
	}
	return nil
}

// String spells the set: reads, writes+flushes, all.
func (r Requests) String() string {
	if r == AllRequests {
		return "all"
	}
	var names []string
	for _, n := range requestNames() {
		if r&n.set != 0 {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, "+")
}

type requestName struct {
	set  Requests
	name string
}

func requestNames() []requestName {
	return []requestName{{Reads, "reads"}, {Writes, "writes"}, {Flushes, "flushes"}}
}

// words is the expectation as the text form spells it.
func (e Expect) words() []string {
	var w []string
	if e.Exact != nil {
		w = append(w, "=", e.exactText())
	}
	if e.OneOf != "" {
		w = append(w, "?", strings.Join(strings.Split(e.OneOf, ""), "|"))
	}
	if e.Counts != nil {
		s := make([]string, len(e.Counts))
		for i, n := range e.Counts {
			s[i] = FormatSize(n)
		}
		w = append(w, "returns", strings.Join(s, "|"))
	}
	if len(e.Errnos) > 0 {
		w = append(w, map[bool]string{true: "fails", false: "may-fail"}[e.MustFail], strings.Join(e.Errnos, "|"))
	}
	if e.MayBlock {
		w = append(w, "may-block")
	}
	if e.Before != nil {
		w = append(w, "before", strconv.FormatInt(e.Before.N, 10), "later", e.Before.Task)
	}
	if e.NotBefore != "" {
		w = append(w, "not-before", e.NotBefore)
	}
	return w
}

// WholeLen marks the length of an expected content that is one fill for all that is read.
const WholeLen = -1

func (e Expect) exactText() string {
	if len(e.Exact) == 1 && e.Exact[0].Len == WholeLen {
		return e.Exact[0].Fill
	}
	return e.Exact.String()
}

// String is the witness line.
func (w Witness) String() string {
	words := []string{"witness", string(w.Kind)}
	if w.Kind == Lost || w.Kind == Pressed {
		words = append(words, strconv.FormatInt(w.N, 10))
	} else if w.Kind == EventFired {
		words = append(words, w.Event)
		if w.N > 1 {
			words = append(words, "times", strconv.FormatInt(w.N, 10))
		}
	} else {
		words = append(words, w.Label)
	}
	if len(w.In) > 0 {
		words = append(words, "in", strings.Join(w.In, "|"))
	}
	return strings.Join(words, " ")
}

// Line is the operation with its number, as reports name it.
func (op Op) Line(n int) string { return fmt.Sprintf("op %d: %s", n, op) }
