package judge

import (
	"fmt"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Rule names what a verdict rests on.
type Rule string

// The rules; the package comment says what each demands.
const (
	RuleAssumption Rule = "assumption"
	RuleSplat      Rule = "splat"
	RuleHang       Rule = "hang"
	RuleErrnoLeak  Rule = "errno-leak"
	RuleErrno      Rule = "errno"
	RuleCount      Rule = "count"
	RuleOrder      Rule = "order"
	RuleProgress   Rule = "progress"
	RuleEvent      Rule = "event"
	RuleOOM        Rule = "oom"
	RuleCoherence  Rule = "coherence"
	RuleDurability Rule = "durability"
	RuleWitness    Rule = "witness"
)

// Result is the judge's answer for one execution, or for many (see Merge).
type Result struct {
	Verdict Verdict `json:"verdict"`
	// Rule is the rule that decided, "" for ok.
	Rule Rule `json:"rule,omitempty"`
	// Op is the number of the operation in question, -1 for none, and Operation how the program spells it.
	Op        int    `json:"op"`
	Operation string `json:"operation,omitempty"`
	// Text is one line: what was seen, where, in which bytes, and what was expected. Byte ranges are file positions.
	Text string `json:"text,omitempty"`
	// Witness has an entry for each of the program's witnesses, in order, whatever the verdict; none where the history could
	// not be read.
	Witness []WitnessResult `json:"witness,omitempty"`
	// Notes are lines that change no verdict but that a reader wants to know.
	Notes []string `json:"notes,omitempty"`
}

// WitnessResult says whether one of the program's witnesses was there.
type WitnessResult struct {
	Witness prog.Witness `json:"-"`
	// Name is the witness as the program spells it, without the word witness.
	Name string `json:"name"`
	Seen bool   `json:"seen"`
	// Direct says whether it is evidence of the program's situation itself, rather than of the path that I/O took.
	Direct bool `json:"direct"`
	// Evidence is what shows it, or what was seen in its stead.
	Evidence string `json:"evidence"`
}

// Summary is the result on one line, such as
//
//	fail coherence: op 9: read f 0 64k = n: bytes [0x0, 0x1000) are o, want n
func (r Result) Summary() string {
	s := string(r.Verdict)
	if r.Rule != "" {
		s += " " + string(r.Rule)
	}
	if r.Op >= 0 {
		s += fmt.Sprintf(": op %d: %s", r.Op, r.Operation)
	}
	if r.Text != "" {
		s += ": " + r.Text
	}
	return s
}

// general is a result about no operation in particular.
func general(v Verdict, rule Rule, format string, args ...any) *Result {
	return &Result{Verdict: v, Rule: rule, Op: -1, Text: oneLine(fmt.Sprintf(format, args...))}
}

// about is a result about an operation.
func about(v Verdict, rule Rule, s prog.Step, format string, args ...any) *Result {
	return &Result{Verdict: v, Rule: rule, Op: s.N, Operation: s.Op.String(), Text: oneLine(fmt.Sprintf(format, args...))}
}

// oneLine folds what targets say, which may have several lines, into one.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(c rune) bool { return c == '\n' || c == '\r' }), " ")
}

// on is a result about a call; in a loop the text begins with the iteration, counted from 1.
func (c *call) on(v Verdict, rule Rule, format string, args ...any) *Result {
	res := about(v, rule, c.step, format, args...)
	if c.step.InLoop {
		res.Text = fmt.Sprintf("iteration %d: %s", c.iter+1, res.Text)
	}
	return res
}
