package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/cases"
	kept "github.com/iomapcheck/iomapcheck/ci/report"
	"github.com/iomapcheck/iomapcheck/ci/site"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/runs"
)

// reportFlags are the flags of report.
type reportFlags struct {
	site                        string
	text, exitCode              bool
	markdown, mail, junit, json string
	findings                    int
}

func (a *app) reportCommand() *cobra.Command {
	f := &reportFlags{}
	cmd := &cobra.Command{
		Use: "report [RUNS…]", Short: "says what kept runs show: as text, a site, markdown, a mail, JUnit's XML or JSON",
		Long: `report reads runs that were kept and says what their newest verdicts are, what changed, and since when. RUNS are directories of runs, directories
that have runs below them, or files of verdicts as run --json writes them; by default everything below --runs.

A kernel is followed over time by how it was asked for, as in debian:6.12, whose point release changes. Runs of one name (environment:
IOMAPCHECK_RUN) are one run, such as the shards of a night.

Without a flag, the report is printed as text. -o makes a site of pages that need nothing but themselves: open its index.html. The other formats
take a file each, - for standard output.`,
		Example: `  iomapcheck report                                  what is below runs, as text
  iomapcheck report runs -o site                     a site; open site/index.html
  iomapcheck report runs/20261121-101500.000 --mail -
  iomapcheck report nightly --markdown "$GITHUB_STEP_SUMMARY" --junit junit.xml -o site --exit-code`,
		RunE: func(_ *cobra.Command, args []string) error { return a.writeReport(f, args) },
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.site, "output", "o", "", "make a site in this folder: a new or empty one, or one that has a site")
	fl.BoolVar(&f.text, "text", false, "print the report for a terminal; the default if nothing else is asked for")
	fl.StringVar(&f.markdown, "markdown", "", "write it for a job's summary to this file; - for standard output")
	fl.StringVar(&f.mail, "mail", "", "write it as a mail to a list to this file; - for standard output")
	fl.StringVar(&f.junit, "junit", "", "write the newest verdicts as JUnit's XML to this file; - for standard output")
	fl.StringVar(&f.json, "json", "", "write it for programs to this file, as one JSON object; - for standard output")
	fl.IntVar(&f.findings, "findings", site.DefaultFindings, "how many findings of the site get a page with program and picture, one of each case first")
	fl.BoolVar(&f.exitCode, "exit-code", false, "end as run would with the newest verdicts: 1 where one is bad, 125 where nothing was shown")
	return cmd
}

func (a *app) writeReport(f *reportFlags, paths []string) error {
	if f.findings < 1 {
		return usage(fmt.Errorf("--findings %d: want 1 or more", f.findings))
	}
	if len(paths) == 0 {
		paths = []string{a.runsDir}
	}
	all, err := runs.Read(paths...)
	if err != nil {
		return usage(err)
	}
	r := kept.Build(all, cases.Catalogue())
	if f.exitCode {
		a.code = judge.ExitCode(r.Codes()...)
	}
	var errs []error
	if f.site != "" {
		errs = append(errs, site.Write(r, f.site, site.Options{Findings: f.findings}))
	}
	for _, format := range []struct {
		to    string
		write func(io.Writer) error
	}{{f.markdown, r.Markdown}, {f.mail, r.Mail}, {f.junit, r.JUnit}, {f.json, r.JSON}} {
		errs = append(errs, a.writeTo(format.to, format.write))
	}
	if f.text || f.site+f.markdown+f.mail+f.junit+f.json == "" {
		errs = append(errs, r.Text(a.out))
	}
	return errors.Join(errs...)
}

// writeTo writes to a file; - is standard output, and "" none.
func (a *app) writeTo(path string, write func(io.Writer) error) error {
	switch path {
	case "":
		return nil
	case "-":
		return write(a.out)
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
