package prog

import (
	"fmt"
	"strings"
)

// maxDepth bounds nesting and maxOps a program's size, so that no text can exhaust its reader.
const (
	maxDepth = 16
	maxOps   = 10000
)

// ParseError says where a text is wrong and what would be right.
type ParseError struct {
	Line int // from 1
	Text string
	Why  string
}

func (e *ParseError) Error() string { return fmt.Sprintf("line %d: %s: %q", e.Line, e.Why, e.Text) }

// Parse reads the text form and checks the program (see Check). The error is a *ParseError or Check's.
func Parse(text string) (Program, error) {
	p := &parser{lines: strings.Split(text, "\n")}
	ops, err := p.block(0)
	if err != nil {
		return Program{}, err
	}
	out := Program{Ops: ops, Witnesses: p.witnesses, Rules: p.rules}
	return out, out.Check()
}

type parser struct {
	lines     []string
	at        int // the next line
	ops       int
	witnesses []Witness
	rules     []EventRule
}

func (p *parser) fail(why string, args ...any) error {
	line := min(p.at, len(p.lines))
	return &ParseError{Line: line, Text: strings.TrimSpace(p.lines[line-1]), Why: fmt.Sprintf(why, args...)}
}

// block reads operations up to the closing brace, or at depth 0 to the end of the text.
func (p *parser) block(depth int) ([]Op, error) {
	if depth > maxDepth {
		return nil, p.fail("blocks are nested deeper than %d", maxDepth)
	}
	var ops []Op
	for p.at < len(p.lines) {
		words := split(p.lines[p.at])
		p.at++
		switch {
		case len(words) == 0:
		case words[0] == "}" && len(words) == 1 && depth > 0:
			return ops, nil
		case words[0] == "}":
			return nil, p.fail("a closing brace stands alone on its line and closes a block")
		case words[0] == "witness":
			if err := p.witness(words[1:], depth); err != nil {
				return nil, err
			}
		case isRuleWord(words[0]):
			if err := p.rule(words, depth); err != nil {
				return nil, err
			}
		default:
			op, err := p.op(words, depth)
			if err != nil {
				return nil, err
			}
			ops = append(ops, op)
		}
	}
	if depth > 0 {
		return nil, p.fail("the block is not closed: a line with } is missing")
	}
	return ops, nil
}

// split is a line's words, without its comment.
func split(line string) []string {
	words := strings.Fields(line)
	for i, w := range words {
		if strings.HasPrefix(w, "#") {
			return words[:i]
		}
	}
	return words
}

func (p *parser) op(words []string, depth int) (Op, error) {
	if p.ops++; p.ops > maxOps {
		return Op{}, p.fail("more than %d operations", maxOps)
	}
	r := &reader{words: words}
	op := Op{Verb: r.verb()}
	row, ok := op.Verb.info()
	if !ok {
		return op, p.fail("no operation is called %s; the operations are %s", words[0], verbNames())
	}
	for _, a := range row.args {
		if err := r.arg(&op, a); err != nil {
			return op, p.fail("%s: %v", op.Verb, err)
		}
	}
	if op.Verb == VGo && r.peek() == "thread" || op.Verb == VGo && r.peek() == "thread:" {
		op.Thread = true
		r.threadWord()
	}
	if op.Verb == VGo && r.peek() == ":" {
		return p.goSingle(op, r, depth)
	}
	opens := row.class == cFlow && op.Verb != VJoin
	if err := r.tail(&op, row); err != nil {
		return op, p.fail("%s: %v", op.Verb, err)
	}
	if opens != r.brace {
		return op, p.fail("%s: want %s", op.Verb, map[bool]string{true: "a block: { at the end of the line", false: "no block"}[opens])
	}
	if opens {
		body, err := p.block(depth + 1)
		op.Body = body
		return op, err
	}
	return op, nil
}

// goSingle reads the operation behind `go T:`.
func (p *parser) goSingle(op Op, r *reader, depth int) (Op, error) {
	r.next()
	if len(r.words) == 0 {
		return op, p.fail("go: want an operation behind the colon, or a block: go %s {", op.Task)
	}
	if depth >= maxDepth {
		return op, p.fail("blocks are nested deeper than %d", maxDepth)
	}
	body, err := p.op(r.words, depth+1)
	if err == nil && body.isFlowBlock() {
		err = p.fail("go: %s wants a block: go %s {", body.Verb, op.Task)
	}
	op.Body = []Op{body}
	return op, err
}

func verbNames() string {
	var names []string
	for _, row := range table() {
		names = append(names, string(row.verb))
	}
	return strings.Join(names, ", ")
}

func (p *parser) witness(words []string, depth int) error {
	if depth > 0 {
		return p.fail("a witness stands outside of blocks")
	}
	if len(words) < 2 {
		return p.fail("witness: want held-while LABEL, blocked LABEL [in FUNCTION|…], lost N, pressure N or event GROUP:NAME [times N]")
	}
	w := Witness{Kind: WitnessKind(words[0]), N: 1}
	if w.Kind == EventFired {
		w.Event = words[1]
	} else if w.Kind == Lost || w.Kind == Pressed {
		n, err := parseCount(words[1])
		if err != nil {
			return p.fail("witness %s: %v", w.Kind, err)
		}
		w.N = n
	} else {
		w.Label, w.N = words[1], 0
	}
	for rest := words[2:]; len(rest) > 0; rest = rest[2:] {
		switch {
		case len(rest) >= 2 && rest[0] == "times" && w.Kind == EventFired:
			n, err := parseCount(rest[1])
			if err != nil {
				return p.fail("witness: %v", err)
			}
			w.N = n
		case len(rest) >= 2 && rest[0] == "in" && w.Kind == Blocked:
			w.In = strings.Split(rest[1], "|")
		default:
			return p.fail("witness: do not understand %s", rest[0])
		}
	}
	p.witnesses = append(p.witnesses, w)
	return nil
}
