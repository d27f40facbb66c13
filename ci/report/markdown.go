package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/judge"
)

// maxListed bounds a list in a job's summary, which GitHub cuts off at a mebibyte.
const maxListed = 50

// Markdown writes the report for a job's summary: the sum, findings, changes, and a table of kernels and file systems by theme.
func (r *Report) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## iomapcheck: %s\n\n%s, %s. %s\n", headline(r), plural(len(r.Runs), "run"), r.span(), r.Newest().Share)
	if len(r.Findings) > 0 {
		b.WriteString("\n### Findings\n\n| verdict | case | on | kernels | seen |\n|---|---|---|---|---|\n")
	}
	for i, f := range r.Findings {
		if i == maxListed {
			fmt.Fprintf(&b, "\nand %d more\n", len(r.Findings)-i)
			break
		}
		v := f.Shown.Last()
		fmt.Fprintf(&b, "| **%s** | `%s` | %s | %s | %s |\n", v.Verdict.Verdict, f.Case, f.FS, strings.Join(f.Lines(), ", "), escaped(v.Text))
	}
	if len(r.Changes) > 0 {
		b.WriteString("\n### Changed in the newest run\n\n| now | before | case | on |\n|---|---|---|---|\n")
	}
	for i, c := range r.Changes {
		if i == maxListed {
			fmt.Fprintf(&b, "\nand %d more\n", len(r.Changes)-i)
			break
		}
		fmt.Fprintf(&b, "| **%s** | %s | `%s` | %s, %s |\n", c.Cell.Last().Mark(), c.Was.Mark(), c.Cell.Case, c.Cell.FS, c.Cell.Line)
	}
	r.themeTable(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func headline(r *Report) string {
	if n := len(r.Findings); n > 0 {
		return plural(n, "finding") + "; " + r.Sum()
	}
	return "nothing bad; " + r.Sum()
}

// themeTable is a row for each kernel and file system with the count of every theme.
func (r *Report) themeTable(b *strings.Builder) {
	themes, rows := []string{}, []string{}
	count := map[string]map[string]map[judge.Verdict]int{}
	for _, c := range r.Cells {
		theme, _, _ := strings.Cut(c.Case, "/")
		row := c.Line + " | " + c.FS
		if c.Target == "refengine" {
			row = "engine " + row
		}
		if !slices.Contains(themes, theme) {
			themes = append(themes, theme)
		}
		if count[row] == nil {
			rows = append(rows, row)
			count[row] = map[string]map[judge.Verdict]int{}
		}
		if count[row][theme] == nil {
			count[row][theme] = map[judge.Verdict]int{}
		}
		count[row][theme][c.Last().Verdict.Verdict]++
	}
	slices.Sort(themes)
	fmt.Fprintf(b, "\n### Kernels and file systems\n\n| kernel | on | %s |\n|---|---|%s\n", strings.Join(themes, " | "), strings.Repeat("---|", len(themes)))
	for _, row := range rows {
		fmt.Fprintf(b, "| %s |", row)
		for _, theme := range themes {
			fmt.Fprintf(b, " %s |", counts(count[row][theme]))
		}
		b.WriteString("\n")
	}
}

// counts is "23 ok, **1 fail**", "–" where nothing could be tried.
func counts(count map[judge.Verdict]int) string {
	var parts []string
	for _, v := range judge.Verdicts() {
		switch n := count[v]; {
		case n == 0 || v == judge.Unsupported:
		case v == judge.OK || v == judge.Known:
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		default:
			parts = append(parts, fmt.Sprintf("**%d %s**", n, v))
		}
	}
	if len(parts) == 0 {
		return "–"
	}
	return strings.Join(parts, ", ")
}

// escaped is a text in a cell of a table.
func escaped(text string) string {
	return strings.NewReplacer("|", "\\|", "<", "&lt;", "\n", " ", "`", "'").Replace(text)
}
