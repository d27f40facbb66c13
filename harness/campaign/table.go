package campaign

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/judge"
)

// Table prints verdicts for a person: a row a case, a column a file system, a block a target, then a line for everything that is
// neither ok nor known.
func Table(verdicts []Verdict) string {
	var b strings.Builder
	b.WriteString(Grid(verdicts))
	for _, v := range verdicts {
		if v.Verdict == judge.OK || v.Verdict == judge.Known {
			continue
		}
		fmt.Fprintf(&b, "%s %s on %s, %s %s: %s\n", v.Verdict, v.Name(), v.FSName(), v.Target, v.Kernel, v.Text)
		if v.Verdict != judge.Unsupported && v.Evidence != "" {
			fmt.Fprintf(&b, "    replay:   %s\n    evidence: %s\n", v.ReplayCommand(), v.Evidence)
		}
	}
	rows(&b, verdicts)
	proofs(&b, verdicts)
	return b.String()
}

// Grid is the blocks of Table alone.
func Grid(verdicts []Verdict) string {
	var b strings.Builder
	for _, t := range distinct(verdicts, Verdict.where) {
		block(&b, t, only(verdicts, func(v Verdict) bool { return v.where() == t }))
	}
	return b.String()
}

// where is what a block is of: target and kernel, and the mutants.
func (v Verdict) where() string {
	return strings.Join(append([]string{v.Target + " " + v.Kernel}, v.Mutants...), "+")
}

// rows explains the cells marked ok*: a line for each other way, with the cells that took it.
func rows(b *strings.Builder, verdicts []Verdict) {
	marked := only(verdicts, func(v Verdict) bool { return v.Verdict == judge.OK && v.Row != "" })
	for _, why := range distinct(marked, func(v Verdict) string { return v.Row }) {
		cells := distinct(only(marked, func(v Verdict) bool { return v.Row == why }), func(v Verdict) string { return v.Name() + " on " + v.FSName() })
		fmt.Fprintf(b, "* %s: %s\n", strings.Join(cells, ", "), why)
	}
}

// proofs says how much of what was explored is certain.
func proofs(b *strings.Builder, verdicts []Verdict) {
	proved := only(verdicts, func(v Verdict) bool { return v.Proved > 0 && v.Verdict == judge.OK })
	if len(proved) == 0 {
		return
	}
	explored := only(verdicts, func(v Verdict) bool { return v.Target == proved[0].Target && v.Executions > 0 })
	cases := distinct(proved, Verdict.Name)
	fmt.Fprintf(b, "proved, every schedule or one that is equivalent tried: %d of %d, of %d cases\n", len(proved), len(explored), len(cases))
}

// block is one target's table.
func block(b *strings.Builder, title string, verdicts []Verdict) {
	cases := distinct(verdicts, Verdict.Name)
	systems := distinct(verdicts, Verdict.FSName)
	width := len(title)
	for _, c := range cases {
		width = max(width, len(c))
	}
	line := fmt.Sprintf("%-*s", width, title)
	for _, s := range systems {
		line += fmt.Sprintf("  %-11s", s)
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
	for _, c := range cases {
		line := fmt.Sprintf("%-*s", width, c)
		for _, s := range systems {
			line += fmt.Sprintf("  %-*s", max(11, len(s)), cell(verdicts, c, s))
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	b.WriteString("\n")
}

func cell(verdicts []Verdict, name, fs string) string {
	for _, v := range verdicts {
		if v.Name() == name && v.FSName() == fs {
			return v.Mark()
		}
	}
	return "-"
}

// distinct lists the values that verdicts have, sorted.
func distinct(verdicts []Verdict, of func(Verdict) string) []string {
	var out []string
	for _, v := range verdicts {
		if s := of(v); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return out
}

func only(verdicts []Verdict, want func(Verdict) bool) []Verdict {
	var out []Verdict
	for _, v := range verdicts {
		if want(v) {
			out = append(out, v)
		}
	}
	return out
}
