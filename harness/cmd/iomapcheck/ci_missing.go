package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/cases"
	grid "github.com/iomapcheck/iomapcheck/ci/matrix"
	"github.com/iomapcheck/iomapcheck/harness/runs"
)

func (a *app) ciMissing(f *ciFlags) *cobra.Command {
	return &cobra.Command{
		Use: "missing RUNS…", Short: "lists the cells of a level of which the newest run lacks verdicts",
		Long: `missing says of which cells of a level the newest of the runs lacks verdicts, some or all, one a line, and ends with 125 if there are any: a job
that died has no bad verdict to show for it.`,
		Args:    cobra.MinimumNArgs(1),
		Example: `  iomapcheck ci missing nightly/runs`,
		RunE:    func(_ *cobra.Command, args []string) error { return a.printMissing(f, args) },
	}
}

func (a *app) printMissing(f *ciFlags, paths []string) error {
	m, level, err := f.matrixOf()
	if err != nil {
		return err
	}
	cells, err := m.Cells(level.Name)
	if err != nil {
		return err
	}
	all, err := runs.Read(paths...)
	if err != nil {
		return usage(err)
	}
	missing, err := grid.Missing(cells, cases.Catalogue(), level.Quick, all[len(all)-1].Verdicts)
	if err != nil {
		return usage(err)
	}
	for _, c := range missing {
		a.code = exitInfra
		if _, err := fmt.Fprintln(a.out, c); err != nil {
			return err
		}
	}
	return nil
}
