package compare

import (
	"fmt"
	"io"
	"strings"
)

// Markdown writes the tables of every kernel for a job's summary.
func Markdown(w io.Writer, kernels []Kernel) error {
	var b strings.Builder
	b.WriteString("## Stock xfstests and our rules\n")
	for _, k := range kernels {
		fmt.Fprintf(&b, "\n### Linux %s\n\n", k.Release)
		k.stockTable(&b)
		k.situationTable(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// stockTable has a row a test and a column a file system, and below it what is the matter with what is not ok.
func (k Kernel) stockTable(b *strings.Builder) {
	if len(k.Tests) == 0 {
		b.WriteString("No stock test has a verdict on this kernel.\n\n")
		return
	}
	fmt.Fprintf(b, "| stock test | aims at | %s |\n|---|---|%s\n", strings.Join(k.Columns, " | "), strings.Repeat("---|", len(k.Columns)))
	for _, t := range k.Tests {
		fmt.Fprintf(b, "| %s | %s |", t.Name, aims()[t.Name])
		for _, column := range k.Columns {
			text := t.Cell(column)
			if s := t.Cells[column]; s.Verdict.Verdict.Bad() {
				verdict := string(s.Verdict.Verdict)
				text = "**" + verdict + "**" + strings.TrimPrefix(text, verdict)
			}
			fmt.Fprintf(b, " %s |", text)
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	for _, line := range k.why() {
		fmt.Fprintf(b, "- %s\n", escaped(line))
	}
	if len(k.why()) > 0 {
		b.WriteString("\n")
	}
}

// situationTable has a row for each rule of a situation.
func (k Kernel) situationTable(b *strings.Builder) {
	b.WriteString("| what is provoked | stock tests, on the way: how often / direct I/Os | our rule | its witness was seen in | took (median) |\n|---|---|---|---|---|\n")
	for _, s := range Situations() {
		what, stock := s.What, s.stock(k)
		for _, rule := range s.Rules {
			seen, took := k.own(rule)
			fmt.Fprintf(b, "| %s | %s | `%s` | %s | %s |\n", what, stock, rule, strings.ReplaceAll(seen, "*", `\*`), took)
			what, stock = "", "" // they are the first row's
		}
	}
	if k.starred() {
		fmt.Fprintf(b, "\n\\%s\n", star)
	}
}

// escaped is a kernel's or a tool's text in markdown.
func escaped(text string) string {
	return strings.NewReplacer("|", "\\|", "<", "&lt;", "\n", " ", "`", "'", "*", `\*`).Replace(text)
}
