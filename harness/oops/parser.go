package oops

import (
	"regexp"
	"strings"
	"time"
)

const (
	// maxLines bounds a report: lockdep with long chains has some two hundred.
	maxLines = 256
	// maxOpen bounds the reports that are open at once, one for each caller.
	maxOpen = 64
)

// Parser reads a console line by line. It keeps what it needs of the reports under way and nothing else; make it with NewParser.
// It is not safe for concurrent use.
type Parser struct {
	open map[string]*report // by caller
	// order lists the callers with open reports, oldest report first.
	order  []string
	ready  []Finding
	offset int64
	line   int
	time   time.Duration // of the line, -1 for none
	booted bool
}

// report is a finding that is not complete.
type report struct {
	Finding
	rule     rule
	detail   string // what $1 stands for
	function string // told by the first line or by the RIP
	// inStack: the last lines were a backtrace.
	inStack bool
	// isReady: rule.ready has been seen, or there is none.
	isReady bool
}

// NewParser returns a parser for one console.
func NewParser() *Parser { return &Parser{open: make(map[string]*report)} }

// Parse returns the findings of a whole text, in the order in which they end.
func Parse(text string) []Finding {
	p := NewParser()
	var found []Finding
	for line := range strings.Lines(text) {
		if f := p.Line(line); f != nil {
			found = append(found, *f)
		}
	}
	return append(found, p.Close()...)
}

// Line takes the next line, with or without its line end, and returns a finding that is complete now, nil if there is none. A
// second one that the line completes comes with the next call. A report is complete at its last line if that can be told, and
// else when something follows that cannot belong to it.
func (p *Parser) Line(line string) *Finding {
	p.line++
	body, caller := clean(line)
	var timed bool
	if p.time, timed = Time(line); !timed {
		p.time = -1
	}
	p.take(body, caller)
	p.offset += int64(len(line))
	if !strings.HasSuffix(line, "\n") {
		p.offset++
	}
	if len(p.ready) == 0 {
		return nil
	}
	f := p.ready[0]
	p.ready = p.ready[1:]
	return &f
}

// Close ends the text and returns the findings that are left. Those whose report had not ended are Cut.
func (p *Parser) Close() []Finding {
	for len(p.order) > 0 {
		p.finish(p.order[0], true)
	}
	left := p.ready
	p.ready = nil
	return left
}

// take gives a line to the report under way for its caller, or starts one.
func (p *Parser) take(body, caller string) {
	if matchesAny(suppressed, body) {
		return
	}
	if strings.HasPrefix(body, "Linux version ") {
		p.boot(body)
		return
	}
	r := p.open[caller]
	head, groups := match(body)
	if r != nil && !(head != nil && head.joins && r.joinable()) && (head != nil || r.endsBefore(body)) {
		p.finish(caller, false)
		r = nil
	}
	switch {
	case r != nil:
		if r.add(body) {
			p.finish(caller, len(r.Lines) == maxLines)
		}
	case head != nil:
		p.start(*head, groups, body, caller)
	}
}

func matchesAny(list []*regexp.Regexp, body string) bool {
	for _, re := range list {
		if re.MatchString(body) {
			return true
		}
	}
	return false
}

// match returns the rule whose reports begin with this line, and the groups of its head.
func match(body string) (*rule, []string) {
	for i := range rules {
		if m := rules[i].head.FindStringSubmatch(body); m != nil {
			return &rules[i], m
		}
	}
	return nil, nil
}

// boot notes a kernel's first line; the second is a finding, and what was open will not go on.
func (p *Parser) boot(body string) {
	for len(p.order) > 0 {
		p.finish(p.order[0], true)
	}
	if p.booted {
		p.ready = append(p.ready, Finding{
			Kind: Reboot, Title: "unexpected reboot", Severity: Reboot.severity(),
			Lines: []string{body}, CPU: -1, Time: p.time, Offset: p.offset, Line: p.line,
		})
	}
	p.booted = true
}

// start begins a report.
func (p *Parser) start(head rule, m []string, body, caller string) {
	r := &report{rule: head, isReady: head.ready == nil}
	r.Finding = Finding{Kind: head.kind, Severity: head.kind.severity(), Lines: []string{body}, CPU: -1, Time: p.time, Offset: p.offset, Line: p.line}
	r.fromHead(m)
	if len(p.order) == maxOpen {
		p.finish(p.order[0], true)
	}
	p.open[caller] = r
	p.order = append(p.order, caller)
	if head.single {
		p.finish(caller, false)
	}
}

// fromHead takes what the first line tells.
func (r *report) fromHead(m []string) {
	group := func(n int) string {
		if n == 0 || n >= len(m) {
			return ""
		}
		return m[n]
	}
	if len(m) > 1 {
		r.detail = m[1]
	}
	g := r.rule.groups
	r.function = function(group(g.function))
	r.Comm, r.PID = group(g.comm), number(group(g.pid))
	if g.cpu != 0 {
		r.CPU = number(group(g.cpu))
	}
}

// finish completes the caller's report.
func (p *Parser) finish(caller string, cut bool) {
	r := p.open[caller]
	delete(p.open, caller)
	for i, c := range p.order {
		if c == caller {
			p.order = append(p.order[:i:i], p.order[i+1:]...)
			break
		}
	}
	r.Title, r.Cut = r.title(), cut
	p.ready = append(p.ready, r.Finding)
}
