package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/cases"
	grid "github.com/iomapcheck/iomapcheck/ci/matrix"
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

// kernelsOf are the kernels of cells, with what a level runs on each.
func (f *ciFlags) kernelsOf(cells []grid.Cell, level grid.Level) ([]kernelRun, error) {
	catalogue := cases.Catalogue()
	var out []kernelRun
	for _, c := range cells {
		units, err := c.Units(catalogue, level.Quick)
		if err != nil {
			return nil, err
		}
		if n := len(out); n == 0 || out[n-1].spec != c.Kernel {
			out = append(out, f.kernelOf(c, level))
		}
		last := &out[len(out)-1]
		last.units = append(last.units, units...)
	}
	return out, nil
}

// kernelOf is how a cell's kernel is run, without units.
func (f *ciFlags) kernelOf(c grid.Cell, level grid.Level) kernelRun {
	k := kernelRun{spec: c.Kernel, target: "vm", flags: targetFlags{kernel: c.Kernel, accel: f.accel}, budget: level.Budget}
	if release, engine := c.Engine(); engine {
		k.target, k.flags = "refengine", targetFlags{release: release}
	}
	k.jobs = (&engineFlags{jobs: f.jobs}).workers(k.target)
	return k
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
	kernels, err := f.kernelsOf(cells, level)
	if err := errors.Join(err, (&targetFlags{accel: f.accel}).check()); err != nil {
		return usage(err)
	}
	return a.runKernels(ctx, f.json, kernels)
}
