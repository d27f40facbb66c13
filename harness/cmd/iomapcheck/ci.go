package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/cases"
	grid "github.com/iomapcheck/iomapcheck/ci/matrix"
	"github.com/iomapcheck/iomapcheck/harness/runs"
)

// ciFlags are the flags of ci and its commands.
type ciFlags struct {
	file, level string
	// of matrix
	past          []string
	shards        int
	text, onlyRun bool
	// of run
	cells, accel, json string
	jobs               int
	// of known
	asJSON bool
}

func (a *app) ciCommand() *cobra.Command {
	f := &ciFlags{}
	cmd := &cobra.Command{
		Use: "ci", Short: "the matrix of kernels, file systems, themes and memory pressure: what is tried when, and its division into jobs",
		Long: `ci is what the workflows in .github and their scripts use. The matrix is one file, ci/matrix/matrix.yaml, built in; --matrix takes another of
that form.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&f.file, "matrix", "", "a matrix of your own instead of the one that is built in")
	cmd.PersistentFlags().StringVar(&f.level, "level", "nightly", "how much of it: smoke, quick, nightly or weekly")
	cmd.AddCommand(a.ciMatrix(f), a.ciRun(f), a.ciMissing(f), a.ciKnown(f))
	return cmd
}

func (a *app) ciMatrix(f *ciFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "matrix", Short: "prints a level's jobs for GitHub's fromJSON, divided so that they take equally long",
		Long: `matrix prints one line of JSON: {"include": [{shard, name, cells, minutes, limit}, …]}, what a workflow's strategy.matrix takes. cells is for ci run
--cells. How long verdicts take is known from the runs that --past names; what was never run is taken to need the usual time.`,
		Args: cobra.NoArgs,
		Example: `  iomapcheck ci matrix --level quick
  iomapcheck ci matrix --level nightly --past runs --text
  echo "matrix=$(iomapcheck ci matrix --past history)" >>"$GITHUB_OUTPUT"`,
		RunE: func(*cobra.Command, []string) error { return a.printPlan(f) },
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&f.past, "past", nil, "runs whose times are used, as report takes them; those that do not exist are none")
	fl.IntVar(&f.shards, "shards", 0, "how many jobs at most; 0 is as many as the level's minutes ask for")
	fl.BoolVar(&f.text, "text", false, "print it for people")
	fl.BoolVar(&f.onlyRun, "cells", false, "print only each job's cells, a job a line")
	return cmd
}

// matrixOf is the matrix that the flags name, and its level.
func (f *ciFlags) matrixOf() (*grid.Matrix, grid.Level, error) {
	m, err := f.read()
	if err != nil {
		return nil, grid.Level{}, usage(err)
	}
	level, err := m.Level(f.level)
	if err != nil {
		return nil, level, usage(fmt.Errorf("--level: %w", err))
	}
	return m, level, nil
}

func (f *ciFlags) read() (*grid.Matrix, error) {
	if f.file == "" {
		return grid.Default()
	}
	in, err := os.Open(f.file)
	if err != nil {
		return nil, fmt.Errorf("--matrix: %w", err)
	}
	defer in.Close()
	m, err := grid.Parse(in)
	if err != nil {
		return nil, fmt.Errorf("--matrix %s: %w", f.file, err)
	}
	return m, nil
}

func (a *app) printPlan(f *ciFlags) error {
	m, level, err := f.matrixOf()
	if err != nil {
		return err
	}
	if f.shards < 0 {
		return usage(fmt.Errorf("--shards %d: want 0 or more", f.shards))
	}
	past, err := readPast(f.past)
	if err != nil {
		return usage(err)
	}
	jobs, err := jobsOf(m, level, past, f.shards)
	if err != nil {
		return usage(err)
	}
	if f.text || f.onlyRun {
		return printJobs(a.out, jobs, f.onlyRun)
	}
	return json.NewEncoder(a.out).Encode(map[string]any{"include": jobs})
}

// readPast reads what of the runs exists: the first night has no past.
func readPast(paths []string) (grid.Past, error) {
	paths = slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		entries, err := os.ReadDir(path)
		return errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0
	})
	if len(paths) == 0 {
		return grid.PastOf(nil), nil
	}
	all, err := runs.Read(paths...)
	if err != nil {
		return grid.Past{}, fmt.Errorf("--past: %w", err)
	}
	return grid.PastOf(all), nil
}

// jobsOf divides a level's cells into jobs.
func jobsOf(m *grid.Matrix, level grid.Level, past grid.Past, shards int) ([]grid.Job, error) {
	cells, err := m.Cells(level.Name)
	if err != nil {
		return nil, err
	}
	catalogue := cases.Catalogue()
	took := map[grid.Cell]float64{}
	for _, c := range cells {
		if took[c], err = past.Seconds(c, catalogue, level.Quick); err != nil {
			return nil, err
		}
	}
	seconds := func(c grid.Cell) float64 { return took[c] }
	if shards == 0 {
		shards = level.Count(grid.Split(cells, seconds, 1))
	}
	return level.Plan(grid.Split(cells, seconds, shards)), nil
}

func printJobs(w io.Writer, jobs []grid.Job, cellsOnly bool) error {
	for _, j := range jobs {
		line := j.Cells
		if !cellsOnly {
			line = fmt.Sprintf("%-9s %4d min  %s\n    %s", j.Shard, j.Minutes, j.Name, strings.ReplaceAll(j.Cells, " ", "\n    "))
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
