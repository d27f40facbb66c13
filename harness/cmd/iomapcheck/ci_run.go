package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/cases"
	grid "github.com/iomapcheck/iomapcheck/ci/matrix"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
)

func (a *app) ciRun(f *ciFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "run", Short: "runs a job of the matrix, or all of a level",
		Long: `run runs cells of the matrix, each kernel once, and keeps them as one run. With IOMAPCHECK_RUN in the environment, runs of that name are reported
as one. A kernel that cannot be had is infra in all of its cells, with the reason; the others are run all the same.`,
		Args: cobra.NoArgs,
		Example: `  iomapcheck ci run --level smoke
  iomapcheck ci run --level nightly --cells 'debian:6.12@xfs@fallback,progress@none'`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runCells(cmd.Context(), f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.cells, "cells", "", "the cells, as ci matrix prints them; empty is the level's all")
	fl.StringVar(&f.accel, "accel", "", "kvm or tcg; empty finds out by booting, once")
	fl.StringVar(&f.json, "json", "", "write verdicts to this file, one JSON object a line; - for standard output")
	fl.IntVar(&f.jobs, "jobs", 0, "how many cases run side by side; 0 is one a processor, and no more machines than there is memory for")
	return cmd
}

// kernelUnits is a kernel with what is to be run on it.
type kernelUnits struct {
	cell  grid.Cell // its kernel counts
	units []campaign.Unit
}

// unitsOf are the cells' units, by kernel.
func unitsOf(cells []grid.Cell, quick bool) ([]kernelUnits, error) {
	catalogue := cases.Catalogue()
	var out []kernelUnits
	for _, c := range cells {
		units, err := c.Units(catalogue, quick)
		if err != nil {
			return nil, err
		}
		if n := len(out); n == 0 || out[n-1].cell.Kernel != c.Kernel {
			out = append(out, kernelUnits{cell: c})
		}
		last := &out[len(out)-1]
		last.units = append(last.units, units...)
	}
	return out, nil
}

// cellsOf are those that the flags name, with equal kernels together.
func (f *ciFlags) cellsOf(m *grid.Matrix) ([]grid.Cell, error) {
	if f.cells == "" {
		return m.Cells(f.level)
	}
	cells, err := grid.ParseCells(f.cells)
	if err != nil {
		return nil, fmt.Errorf("--cells: %w", err)
	}
	slices.SortStableFunc(cells, func(a, b grid.Cell) int { return strings.Compare(a.Kernel, b.Kernel) })
	return cells, nil
}

func (a *app) runCells(ctx context.Context, f *ciFlags) error {
	m, level, err := f.matrixOf()
	if err != nil {
		return err
	}
	cells, err := f.cellsOf(m)
	if err != nil {
		return usage(err)
	}
	work, err := unitsOf(cells, level.Quick)
	if err := errors.Join(err, (&targetFlags{accel: f.accel}).check()); err != nil {
		return usage(err)
	}
	p := newProgress(a.errOut)
	defer p.close()
	report, err := a.newReport(f.json, p)
	if err != nil {
		return err
	}
	dir, err := a.newRun()
	if err == nil {
		err = report.keep(dir)
	}
	var all []campaign.Verdict
	for i := 0; i < len(work) && err == nil && ctx.Err() == nil; i++ {
		var verdicts []campaign.Verdict
		k := kernelRun{spec: work[i].cell.Kernel, target: "vm", flags: targetFlags{kernel: work[i].cell.Kernel, accel: f.accel}, budget: level.Budget}
		if release, engine := work[i].cell.Engine(); engine {
			k.target, k.flags = "refengine", targetFlags{release: release}
		}
		k.folder, k.jobs = filepath.Join(dir, folderOf(k.spec)), (&engineFlags{jobs: f.jobs}).workers(k.target)
		verdicts, err = a.runKernel(ctx, k, work[i].units, report)
		all = append(all, verdicts...)
	}
	a.code = judge.ExitCode(report.verdicts...)
	if ctx.Err() != nil {
		a.code = exitInfra
	}
	return errors.Join(err, p.println(report.people, "\n"+campaign.Table(all)+tally(report.verdicts)+"; evidence in "+dir), report.finish())
}
