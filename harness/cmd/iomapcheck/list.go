package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// listed is a case as list --json prints it.
type listed struct {
	ID         string   `json:"id"`
	Theme      string   `json:"theme"`
	Rule       string   `json:"rule"`
	Kernel     string   `json:"kernel"`
	Source     string   `json:"source"`
	Witness    []string `json:"witness"`
	Needs      []string `json:"needs"`
	Parameters []string `json:"parameters"`
	Program    string   `json:"program"`
}

func (a *app) list() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "lists the cases: rule, witness, parameters", Args: cobra.NoArgs,
		Long: `list prints each case of the catalogue: the rule that it checks, the kernel function that makes the rule hold, where the rule
comes from, the witness without which a run shows nothing, and its parameters.`,
		Example: "  iomapcheck list\n  iomapcheck list --json | jq -r .id",
		RunE: func(*cobra.Command, []string) error {
			for _, c := range cases.Catalogue() {
				if err := a.listCase(c, asJSON); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a case")
	return cmd
}

func (a *app) listCase(c prog.Case, asJSON bool) error {
	l := listed{
		ID: c.ID, Theme: c.Theme(), Rule: c.Rule, Kernel: c.Kernel, Source: c.Source,
		Witness: []string{}, Needs: append([]string{}, c.Needs...), Parameters: []string{}, Program: c.Variants[0].Program.String(),
	}
	for _, w := range c.Variants[0].Program.Witnesses {
		l.Witness = append(l.Witness, strings.TrimPrefix(w.String(), "witness "))
	}
	for _, v := range c.Variants {
		if v.Name != "" {
			l.Parameters = append(l.Parameters, v.Name)
		}
	}
	if asJSON {
		return json.NewEncoder(a.out).Encode(l)
	}
	_, err := fmt.Fprintf(a.out, "%s\n    rule     %s\n    kernel   %s\n    source   %s\n    witness  %s\n", l.ID, l.Rule, l.Kernel, l.Source, strings.Join(l.Witness, "; "))
	if err == nil && len(l.Parameters) > 0 {
		_, err = fmt.Fprintf(a.out, "    with     ~%s\n", strings.Join(l.Parameters, ", ~"))
	}
	return err
}

// language prints the operations of the program language.
func (a *app) language() *cobra.Command {
	return &cobra.Command{
		Use: "language", Short: "prints the operations of the program language", Args: cobra.NoArgs,
		Long: `language prints the operations that a program in text form may have, one a line, with what each does, and then the lines about
the program as a whole. What an operation may return stands behind it: go doc ./harness/prog. Programs are run with
'iomapcheck run -'; those of the cases are printed by 'iomapcheck list --json'.`,
		Example: "  iomapcheck language | grep hold",
		RunE: func(*cobra.Command, []string) error {
			for _, v := range slices.Concat(prog.Verbs(), prog.Lines()) {
				if _, err := fmt.Fprintf(a.out, "%-72s %s\n", v.Usage, v.Doc); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
