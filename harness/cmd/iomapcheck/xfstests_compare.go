package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/harness/runs"
	"github.com/iomapcheck/iomapcheck/harness/xfstests/compare"
)

// compareFlags are the flags of xfstests compare.
type compareFlags struct {
	markdown, list string
}

func (a *app) xfstestsCompare() *cobra.Command {
	f := &compareFlags{}
	cmd := &cobra.Command{
		Use: "compare [RUNS…]", Short: "puts verdicts on stock tests beside those on our rules: what each reached, how often, how fast",
		Long: `compare reads runs that were kept (by default everything below --runs): those of xfstests run, and of run --target vm. For each kernel it prints two tables:
stock tests by file system, with the newest verdict, the test's seconds and how often it reached the kernel's branches that iomapcheck is about (a dot:
no verdict); and for each situation that is provoked, what stock tests reached on their way, of how many direct I/Os, in how many runs the witness of
our rule was seen, and the median of their seconds. A rule is a case with all its variants where it names none. Runs under memory pressure do not count.

One of the two kinds of run is enough.`,
		Example: `  iomapcheck xfstests run --tree ~/src/xfstests $(iomapcheck xfstests compare --list tests)
  iomapcheck run --target vm --fs xfs,ext4,btrfs --case "$(iomapcheck xfstests compare --list rules | paste -sd,)"
  iomapcheck xfstests compare --markdown tables.md`,
		RunE: func(_ *cobra.Command, args []string) error { return a.compareXfstests(f, args) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.markdown, "markdown", "", "write the tables as markdown to this file instead; - for standard output")
	fl.StringVar(&f.list, "list", "", "print what the comparison is of, one a line, and read no run: tests or rules")
	return cmd
}

func (a *app) compareXfstests(f *compareFlags, paths []string) error {
	if f.list != "" {
		return a.listCompared(f.list, paths)
	}
	if len(paths) == 0 {
		paths = []string{a.runsDir}
	}
	all, err := runs.Read(paths...)
	if err != nil {
		return usage(err)
	}
	kernels, err := compare.Of(all)
	var nothing *compare.NothingError
	switch {
	case errors.As(err, &nothing):
		return usage(err)
	case err != nil:
		return err
	case f.markdown != "":
		return a.writeTo(f.markdown, func(w io.Writer) error { return compare.Markdown(w, kernels) })
	}
	return compare.Text(a.out, kernels)
}

// listCompared prints the stock tests, or our rules.
func (a *app) listCompared(what string, paths []string) error {
	list := map[string]func() []string{"tests": compare.Tests, "rules": compare.Rules}[what]
	switch {
	case list == nil:
		return usage(fmt.Errorf("--list %s: there are tests and rules", what))
	case len(paths) > 0:
		return usage(fmt.Errorf("--list %s: it reads no runs; leave out %s", what, strings.Join(paths, " ")))
	}
	_, err := fmt.Fprintln(a.out, strings.Join(list(), "\n"))
	return err
}
