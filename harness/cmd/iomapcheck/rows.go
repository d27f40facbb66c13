package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// format is how a table is printed.
type format uint8

// The formats.
const (
	asText format = iota
	asMarkdown
	asJSON
)

// printRows prints a table whose first row is its head, and a line under it, "" for none.
func (a *app) printRows(rows [][]string, how format, caption string) error {
	print := textRows
	if how == asMarkdown {
		print = markdownRows
	}
	if err := print(a.out, rows); err != nil {
		return fmt.Errorf("write a table: %w", err)
	}
	if caption == "" {
		return nil
	}
	if how == asMarkdown {
		caption = "\n" + caption
	}
	_, err := fmt.Fprintln(a.out, caption)
	return err
}

func textRows(w io.Writer, rows [][]string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(table, strings.Join(r, "\t"))
	}
	return table.Flush()
}

// markdownRows prints a GitHub-flavoured table; a bar inside a cell would end it.
func markdownRows(w io.Writer, rows [][]string) error {
	var b strings.Builder
	for i, r := range rows {
		for _, cell := range r {
			b.WriteString("| " + strings.ReplaceAll(cell, "|", `\|`) + " ")
		}
		b.WriteString("|\n")
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(r)) + "|\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
