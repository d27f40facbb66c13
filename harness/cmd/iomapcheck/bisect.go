package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
)

// bisectFlags are the flags of bisect-run.
type bisectFlags struct {
	fs, cases           []string
	tree, build, kernel string
	accel, pressure     string
	times, jobs         int
	limit               time.Duration
	noBuild, fixed      bool
}

func (a *app) bisectRun() *cobra.Command {
	f := &bisectFlags{}
	cmd := &cobra.Command{
		Use: "bisect-run --case GLOB", Short: "builds the kernel tree it stands in, runs cases on it, and exits as git bisect run wants",
		Long: `bisect-run is for git bisect run in a kernel tree. It builds bzImage and modules, with what a guest needs added to .config, boots them, and runs
the named cases. What shows counts, not what the catalogue lists for a kernel: a known divergence is bad. Verdicts are kept as a run, with what
the build said.

Exit codes: 0 good; 1 bad; 125, which has git skip the commit, if it does not build or boot for want of an option, the situation did not
come about, or something of ours failed; 128 wrong usage, which ends the bisection.`,
		Args: cobra.NoArgs,
		Example: `  git bisect start v6.18 v6.17
  git bisect run iomapcheck bisect-run --case 'progress/truncate-waits-for-dio~sync' --fs ext4

  git bisect run iomapcheck bisect-run --build 'make -j8 O=../out bzImage modules' --kernel tree:../out --case 'fallback/*' --fs xfs
  git bisect run iomapcheck bisect-run --case 'fallback/*' --fs xfs --fixed     to look for the commit that mended it`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runBisect(cmd.Context(), f) },
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&f.cases, "case", nil, "cases by glob; required: a bisection asks one thing")
	fl.StringSliceVar(&f.fs, "fs", nil, "file systems, as in xfs,btrfs/nodatasum; default the plain ones")
	fl.StringVar(&f.pressure, "pressure", "none", "memory pressure that every case is put under: none, high, max, reclaim or hog")
	fl.StringVar(&f.tree, "tree", ".", "the kernel tree")
	fl.StringVar(&f.build, "build", "", "command for the shell that builds it, in the tree; default is make, with the configuration completed")
	fl.BoolVar(&f.noBuild, "no-build", false, "take it as it is built")
	fl.StringVar(&f.kernel, "kernel", "", "what was built, as in run --kernel; default tree:TREE")
	fl.StringVar(&f.accel, "accel", "", "kvm or tcg; empty finds out by booting, once")
	fl.IntVar(&f.times, "times", 1, "how often each case is run: one bad run is bad")
	fl.IntVar(&f.jobs, "jobs", 0, "how many cases run side by side; 0 is one a processor")
	fl.DurationVar(&f.limit, "build-limit", 2*time.Hour, "how long a build may take")
	fl.BoolVar(&f.fixed, "fixed", false, "look for the commit that mended it: exit 0 where it is bad, 1 where it is good")
	return cmd
}

func (a *app) runBisect(ctx context.Context, f *bisectFlags) error {
	e := engineFlags{fs: f.fs, cases: f.cases, pressure: f.pressure, seed: 1, budget: 1, jobs: f.jobs}
	units, err := e.plan(cases.Catalogue())
	if len(f.cases) == 0 {
		err = errors.Join(err, errors.New("--case: name the cases that the bisection is about"))
	}
	if f.times < 1 {
		err = errors.Join(err, fmt.Errorf("--times %d: want at least 1", f.times))
	}
	t := targetFlags{kernel: f.kernel, accel: f.accel}
	if t.kernel == "" {
		t.kernel = "tree:" + f.tree
	}
	if err := errors.Join(err, e.check(), t.check()); err != nil {
		return &abortError{err}
	}
	dir, err := a.newRun()
	if err != nil {
		return err
	}
	if err := a.buildTree(ctx, f, dir); err != nil {
		return err
	}
	p := newProgress(a.errOut)
	defer p.close()
	report, err := a.newReport("", p)
	if err != nil {
		return err
	}
	runner, err := a.runner(ctx, "vm", t, p)
	if err != nil {
		return errors.Join(err, report.finish())
	}
	defer runner.Target.Close()
	if err := report.keep(dir); err != nil {
		return errors.Join(err, report.finish())
	}
	runner.Runs, runner.Seed = dir, 1
	var again []campaign.Unit
	for range f.times {
		again = append(again, units...)
	}
	var n atomic.Int64
	apart := func(ctx context.Context, u campaign.Unit, watch func(string)) campaign.Verdict {
		r := *runner // each run of a unit keeps its own evidence
		r.Runs = filepath.Join(dir, fmt.Sprint("run-", n.Add(1)))
		return r.Run(ctx, u, watch)
	}
	if err := a.judgeAll(ctx, e.workers("vm"), again, apart, report, runner); err != nil {
		return err
	}
	if ctx.Err() == nil {
		a.code = f.exitCode(report.verdicts)
	}
	return nil
}

// exitCode is what git is to be told: what shows counts, not what is listed.
func (f *bisectFlags) exitCode(verdicts []judge.Verdict) int {
	var shown []judge.Verdict
	for _, v := range verdicts {
		switch v {
		case judge.Known:
			v = judge.Fail
		case judge.Drift:
			v = judge.OK
		case judge.Unsupported:
			v = judge.Unexercised // it shows nothing
		}
		shown = append(shown, v)
	}
	code := judge.ExitCode(shown...)
	if f.fixed && code < exitUsage {
		return exitBad - code
	}
	return code
}

// buildTree builds, and keeps what the build said in the run's directory.
func (a *app) buildTree(ctx context.Context, f *bisectFlags, dir string) error {
	if f.noBuild {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("keep the build's output: %w", err)
	}
	log, err := os.Create(filepath.Join(dir, "build.txt"))
	if err != nil {
		return fmt.Errorf("keep the build's output: %w", err)
	}
	defer log.Close()
	fmt.Fprintf(a.errOut, "building %s; what it says is in %s\n", f.tree, log.Name())
	ctx, cancel := context.WithTimeoutCause(ctx, f.limit, fmt.Errorf("the build took longer than %v (--build-limit)", f.limit))
	defer cancel()
	if f.build != "" {
		err = kernel.BuildWith(ctx, f.tree, f.build, log)
	} else {
		err = kernel.Build(ctx, f.tree, log)
	}
	if err != nil {
		return fmt.Errorf("%w; its output is in %s", err, log.Name())
	}
	return nil
}
