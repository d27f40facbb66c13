package site

import (
	"fmt"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// programLine is a line of the program; Bad marks the verdict's operation.
type programLine struct {
	Number, Text string
	Bad          bool
}

// numbered is a program with the numbers by which verdicts and pictures call its operations; bad is one of them, -1 for none.
func numbered(p prog.Program, bad int) []programLine {
	n := 0
	lines := numberedOps(p.Ops, bad, "", &n)
	for _, r := range p.Rules {
		lines = append(lines, programLine{Text: r.String()})
	}
	for _, w := range p.Witnesses {
		lines = append(lines, programLine{Text: w.String()})
	}
	return lines
}

func numberedOps(ops []prog.Op, bad int, indent string, n *int) []programLine {
	var out []programLine
	for _, op := range ops {
		first := *n
		if text := (prog.Program{Ops: []prog.Op{op}}).String(); strings.Contains(text, "{\n") {
			*n++
			out = append(out, programLine{fmt.Sprint(first), indent + op.String() + " {", first == bad})
			out = append(out, numberedOps(op.Body, bad, indent+"  ", n)...)
			out = append(out, programLine{Text: indent + "}"})
			continue
		}
		// A go and its only operation stand on one line.
		*n += prog.Size([]prog.Op{op})
		number := fmt.Sprint(first)
		if last := *n - 1; last > first {
			number = fmt.Sprintf("%d, %d", first, last)
		}
		out = append(out, programLine{number, indent + op.String(), bad >= first && bad < *n})
	}
	return out
}
