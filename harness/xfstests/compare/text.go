package compare

import (
	"fmt"
	"io"
	"strings"
)

// Text writes the same for a terminal: a line a cell, for the cells are long.
func Text(w io.Writer, kernels []Kernel) error {
	var b strings.Builder
	for i, k := range kernels {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "Linux %s\n", k.Release)
		k.stockText(&b)
		k.situationText(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (k Kernel) stockText(b *strings.Builder) {
	if len(k.Tests) == 0 {
		b.WriteString("\nno stock test has a verdict on this kernel\n")
	}
	for _, t := range k.Tests {
		fmt.Fprintf(b, "\n%s\n", strings.TrimSpace(t.Name+"  "+aims()[t.Name]))
		for _, column := range k.Columns {
			fmt.Fprintf(b, "  %-12s %s\n", column, t.Cell(column))
		}
	}
	for i, line := range k.why() {
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintln(b, line)
	}
}

func (k Kernel) situationText(b *strings.Builder) {
	for _, s := range Situations() {
		fmt.Fprintf(b, "\n%s\n  %-12s %s\n", s.What, "stock tests", s.stock(k))
		for _, rule := range s.Rules {
			seen, took := k.own(rule)
			if took != none {
				seen += "; " + took
			}
			fmt.Fprintf(b, "  %-12s %s: %s\n", "our rule", rule, seen)
		}
	}
	if k.starred() {
		fmt.Fprintf(b, "\n%s\n", star)
	}
}
