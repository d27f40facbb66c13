package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/cases"
	kept "github.com/iomapcheck/iomapcheck/ci/report"
)

func (a *app) ciKnown(f *ciFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "known", Short: "lists the known divergences: the cases' rows, with kernels, reason and mend",
		Args:    cobra.NoArgs,
		Example: "  iomapcheck ci known\n  iomapcheck ci known --json | jq -r 'select(.before) | .commit'",
		RunE:    func(*cobra.Command, []string) error { return a.printKnown(f.asJSON) },
	}
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "one JSON object a divergence")
	return cmd
}

func (a *app) printKnown(asJSON bool) error {
	for _, k := range kept.KnownDivergences(cases.Catalogue()) {
		if asJSON {
			if err := json.NewEncoder(a.out).Encode(k); err != nil {
				return err
			}
			continue
		}
		name := k.Case
		if len(k.Variants) > 0 {
			name += "~" + strings.Join(k.Variants, ",~")
		}
		if _, err := fmt.Fprintf(a.out, "%s on %s, kernels: %s\n    %s: %s\n", name, strings.Join(k.FS, ", "), k.Kernels(), k.Shows, k.Why); err != nil {
			return err
		}
	}
	return nil
}
