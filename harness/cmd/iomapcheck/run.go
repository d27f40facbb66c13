package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target/vm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
)

// runFlags are the flags of run.
type runFlags struct {
	targetFlags
	engineFlags
	target  string
	mutants []string
	json    string
}

// unitFlags pick units, and say how many of them run at a time.
type unitFlags struct {
	fs, cases []string
	pressure  string
	jobs      int
	quick     bool
}

func (f *unitFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringSliceVar(&f.fs, "fs", nil, "file systems, as in xfs,btrfs/nodatasum, or all; default the plain ones")
	fl.StringSliceVar(&f.cases, "case", nil, "cases by glob, as in 'fallback/*'; default all")
	fl.BoolVar(&f.quick, "quick", false, "leave out what is for the night: variants that are many alike, or long")
	fl.StringVar(&f.pressure, "pressure", "none", "memory pressure that every case is put under: none, high, max, reclaim or hog")
	fl.IntVar(&f.jobs, "jobs", 0, "how many cases run side by side, each in a virtual machine of its own; 0 is one a processor, and no more machines than there is memory for")
}

func (f *unitFlags) check() error {
	if f.jobs < 0 {
		return fmt.Errorf("--jobs %d: want 0 or more", f.jobs)
	}
	return nil
}

// engineFlags are unitFlags and how thoroughly the engine runs a unit.
type engineFlags struct {
	unitFlags
	seed   uint64
	budget int
}

func (f *engineFlags) register(cmd *cobra.Command) {
	f.unitFlags.register(cmd)
	cmd.Flags().Uint64Var(&f.seed, "seed", 1, "seed of the engine's strategies")
	cmd.Flags().IntVar(&f.budget, "budget", 200, "executions a case on the engine")
}

func (f *engineFlags) check() error {
	if f.budget < 1 {
		return errors.Join(f.unitFlags.check(), fmt.Errorf("--budget %d: nothing is shown by less than 1", f.budget))
	}
	return f.unitFlags.check()
}

// workers is how many cases run side by side on the target.
func (f *unitFlags) workers(target string) int {
	switch {
	case f.jobs > 0:
		return f.jobs
	case target == "host":
		return 1 // the caches that are dropped, and the processors that are idle, are everybody's
	case target == "vm":
		return min(runtime.GOMAXPROCS(0), vm.Fitting())
	}
	return runtime.GOMAXPROCS(0)
}

// plan is what the flags pick from the catalogue.
func (f *unitFlags) plan(catalogue []prog.Case) ([]campaign.Unit, error) {
	dial, err := campaign.ParsePressure(f.pressure)
	if err != nil {
		return nil, fmt.Errorf("--pressure: %w", err)
	}
	units, err := campaign.Plan(catalogue, campaign.Selection{Cases: f.cases, FS: f.fs, Quick: f.quick})
	return campaign.UnderPressure(units, dial), err
}

func (a *app) runCommand() *cobra.Command {
	f := &runFlags{}
	cmd := &cobra.Command{
		Use: "run [-]", Short: "runs cases, or a program in text form from standard input (-), and gives verdicts",
		Long: `run runs cases on a target and prints a verdict for each, as they come. For every bad one it ends with what to put into a
mail: what must hold, what was seen in which bytes, how to run it again, and where the evidence is.

A program from standard input is what 'iomapcheck language' describes, one operation a line; see also program.txt in any
evidence directory. On the engine the evidence of a failure has reduced.txt as well, the fewest operations that fail by the same rule.

An interrupt ends the run, prints the sum so far and exits with 125.`,
		Args: cobra.MaximumNArgs(1),
		Example: `  iomapcheck run                                        every case on the engine
  iomapcheck run --target vm --fs xfs,btrfs/nodatasum   on Debian's 6.12
  iomapcheck run --target vm --case 'fallback/*' --kernel arch/x86/boot/bzImage --jobs 2
  iomapcheck run --target vm --json - | jq -r 'select(.verdict != "ok") | .replay'
  iomapcheck run - --target vm --fs xfs < program.txt
  iomapcheck run --target host --fs xfs                 on the kernel of this machine, on a disk of our own (as root)
  iomapcheck run --target host --dir /mnt               the same, in a folder
  iomapcheck run --mutant dio-skip-post-invalidate      with one historic bug in the engine`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.checkTargetFlags(cmd.Flags().Changed); err != nil {
				return usage(err)
			}
			return a.runCases(cmd.Context(), f, args)
		},
	}
	f.targetFlags.register(cmd)
	f.engineFlags.register(cmd)
	f.registerHost(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.target, "target", "refengine", "refengine, vm or host (the kernel of this machine)")
	fl.StringSliceVar(&f.mutants, "mutant", nil, "bugs to switch on in the engine (see iomapcheck mutants)")
	fl.StringVar(&f.json, "json", "", "write verdicts to this file, one JSON object a line; - for standard output")
	return cmd
}

// check finds wrong usage.
func (f *runFlags) check() error {
	_, err := mutant.Parse(f.mutants...)
	if err == nil && len(f.mutants) > 0 && f.target != "refengine" {
		err = fmt.Errorf("--mutant: only the refengine target has bugs to switch on, not %s", f.target)
	}
	return errors.Join(checkTarget(f.target), f.checkHost(f.target), f.targetFlags.check(), f.engineFlags.check(), err)
}

// checkTargetFlags finds a flag that was given and is about the other target: what was meant would not be what is run.
func (f *runFlags) checkTargetFlags(given func(flag string) bool) error {
	switch {
	case f.target == "refengine" && given("kernel"):
		return errors.New("--kernel: the refengine target runs no kernel; it behaves like one with --release, as in --release 6.1; for a kernel add --target vm")
	case f.target == "vm" && given("release"):
		return errors.New("--release: is the refengine target's; the vm target takes --kernel, as in --kernel debian:6.1")
	case f.target == "host" && (given("kernel") || given("release")):
		return errors.New("--kernel, --release: the host target has the kernel that this machine runs")
	}
	return nil
}

func (a *app) runCases(ctx context.Context, f *runFlags, args []string) error {
	units, err := a.units(f, args)
	if err := errors.Join(f.check(), err); err != nil {
		return usage(err)
	}
	p := newProgress(a.errOut)
	defer p.close()
	report, err := a.newReport(f.json, p)
	if err != nil {
		return err
	}
	runner, err := a.runner(ctx, f.target, f.targetFlags, p)
	if err != nil {
		return errors.Join(err, report.close())
	}
	defer runner.Target.Close()
	if err := report.keep(runner.Runs); err != nil {
		return errors.Join(err, report.finish())
	}
	runner.Seed, runner.Budget, runner.Mutants, runner.Shrink = f.seed, f.budget, f.mutants, true
	judgeUnit := runner.Run
	if len(args) > 0 {
		judgeUnit = runner.RunGiven
	}
	return a.judgeAll(ctx, f.workers(f.target), units, judgeUnit, report, runner)
}

// judgeAll runs the units and reports; the exit code follows the verdicts, or the interrupt.
func (a *app) judgeAll(ctx context.Context, jobs int, units []campaign.Unit,
	run func(context.Context, campaign.Unit, func(string)) campaign.Verdict, report *report, runner *campaign.Runner) error {
	err := sideBySide(ctx, jobs, len(units), func(ctx context.Context, i int) campaign.Verdict {
		watch := func(doing string) {
			report.progress.set(fmt.Sprintf("[%d/%d] %s: %s", i+1, len(units), units[i].Name(), doing))
		}
		watch("running")
		return run(ctx, units[i], watch)
	}, func(i int, v campaign.Verdict) error {
		if ctx.Err() != nil && v.Verdict == judge.Infra {
			return nil // the interrupt is no verdict
		}
		return report.add(units[i], v)
	})
	a.code = judge.ExitCode(report.verdicts...)
	if ctx.Err() != nil {
		a.code = exitInfra
	}
	return errors.Join(err, report.end(runner, len(units)))
}

// units are what the flags pick, or the program that was given.
func (a *app) units(f *runFlags, args []string) (units []campaign.Unit, err error) {
	if f.fs, err = f.hostFS(f.fs); err != nil {
		return nil, err
	}
	if len(args) == 0 {
		return f.plan(cases.Catalogue())
	}
	if args[0] != "-" || len(f.cases) > 0 {
		return nil, fmt.Errorf("run %s: want no argument to run cases (pick them with --case), or only - for a program on standard input", args[0])
	}
	text, err := io.ReadAll(a.in)
	if err != nil {
		return nil, fmt.Errorf("read the program: %w", err)
	}
	p, err := prog.Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("read the program: %w", err)
	}
	own := prog.Case{ID: "stdin/program", Rule: "what the program itself expects", Variants: []prog.Variant{{Program: p}}}
	return f.plan([]prog.Case{own})
}
