package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// runFlags are the flags of run.
type runFlags struct {
	targetFlags
	target    string
	fs, case_ []string
	seed      uint64
	budget    int
	mutants   []string
	json      string
}

// targetFlags say which kernel; several commands have them.
type targetFlags struct{ kernel, release, accel string }

func (f *targetFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.kernel, "kernel", "debian:6.12", "kernel for the vm target: debian:SERIES, or PATH[,modules=DIR]")
	cmd.Flags().StringVar(&f.release, "release", "6.12", "kernel release that the engine behaves like")
	cmd.Flags().StringVar(&f.accel, "accel", "", "kvm or tcg; empty finds out by booting, once")
}

func (a *app) runCommand() *cobra.Command {
	f := &runFlags{}
	cmd := &cobra.Command{
		Use: "run [-]", Short: "runs cases, or a program in text form from standard input (-), and gives verdicts",
		Args: cobra.MaximumNArgs(1),
		Example: `  iomapcheck run                                        every case on the engine
  iomapcheck run --target vm --fs xfs,btrfs/nodatasum   on Debian's 6.12
  iomapcheck run --target vm --case 'fallback/*' --kernel arch/x86/boot/bzImage
  iomapcheck run - --target vm --fs xfs < program.txt`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runCases(cmd.Context(), f, args) },
	}
	f.register(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.target, "target", "refengine", "refengine or vm")
	fl.StringSliceVar(&f.fs, "fs", nil, "file systems, as in xfs,btrfs/nodatasum; default the plain ones")
	fl.StringSliceVar(&f.case_, "case", nil, "cases by glob, as in 'fallback/*'; default all")
	fl.Uint64Var(&f.seed, "seed", 1, "seed of the engine's strategies")
	fl.IntVar(&f.budget, "budget", 200, "executions a case on the engine")
	fl.StringSliceVar(&f.mutants, "mutant", nil, "bugs to switch on in the engine (see iomapcheck mutants)")
	fl.StringVar(&f.json, "json", "", "write verdicts to this file, one JSON object a line; - for standard output")
	return cmd
}

func (a *app) runCases(ctx context.Context, f *runFlags, args []string) error {
	if !slices.Contains(campaign.TargetNames(), f.target) {
		return usage(fmt.Errorf("--target %q: there are %s", f.target, strings.Join(campaign.TargetNames(), ", ")))
	}
	units, err := a.units(f, args)
	if err != nil {
		return usage(err)
	}
	report, err := a.newReport(f.json)
	if err != nil {
		return err
	}
	defer report.close()
	runner, err := a.runner(ctx, f.target, f.targetFlags)
	if err != nil {
		return err
	}
	defer runner.Target.Close()
	runner.Seed, runner.Budget, runner.Mutants = f.seed, f.budget, f.mutants
	for _, u := range units {
		if ctx.Err() != nil {
			break
		}
		if err := report.add(runner.Run(ctx, u, nil)); err != nil {
			return err
		}
	}
	a.code = judge.ExitCode(report.verdicts...)
	return report.end(runner)
}

// units are what the flags pick, or the program that was given.
func (a *app) units(f *runFlags, args []string) ([]campaign.Unit, error) {
	sel := campaign.Selection{Cases: f.case_, FS: f.fs}
	if len(args) == 0 {
		return campaign.Plan(cases.Catalogue(), sel)
	}
	if args[0] != "-" {
		return nil, fmt.Errorf("run %s: want no argument, or - for a program on standard input (cases are picked with --case)", args[0])
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
	return campaign.Plan([]prog.Case{own}, campaign.Selection{FS: f.fs})
}

// runner opens a target and a new directory for evidence.
func (a *app) runner(ctx context.Context, target string, f targetFlags) (*campaign.Runner, error) {
	agent, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	t, err := campaign.OpenTarget(ctx, target, campaign.TargetOptions{
		Kernel: f.kernel, Release: f.release, Accel: f.accel, Cache: a.cache(), Agent: agent,
		Report: func(line string) { fmt.Fprintln(a.errOut, line) },
	})
	if err != nil {
		return nil, err
	}
	runs, err := a.newRun()
	r := &campaign.Runner{Target: t, Runs: runs}
	if target == "vm" {
		r.KernelSpec = f.kernel
	}
	return r, err
}

// report prints verdicts as they come, for people and, if asked for, for machines.
type report struct {
	people   io.Writer
	machines io.Writer
	close    func() error
	verdicts []judge.Verdict
}

func (a *app) newReport(json string) (*report, error) {
	r := &report{people: a.out, machines: io.Discard, close: func() error { return nil }}
	switch json {
	case "":
	case "-":
		r.people, r.machines = a.errOut, a.out
	default:
		f, err := os.Create(json)
		if err != nil {
			return nil, fmt.Errorf("write verdicts: %w", err)
		}
		r.machines, r.close = f, f.Close
	}
	return r, nil
}

func (r *report) add(v campaign.Verdict) error {
	r.verdicts = append(r.verdicts, v.Verdict)
	if err := json.NewEncoder(r.machines).Encode(v); err != nil {
		return fmt.Errorf("write verdicts: %w", err)
	}
	_, err := fmt.Fprintln(r.people, v.Line())
	return err
}

// end prints the sum and where the evidence is.
func (r *report) end(runner *campaign.Runner) error {
	_, err := fmt.Fprintf(r.people, "%s on %s %s; evidence in %s\n", tally(r.verdicts), runner.Target.Name(), runner.Target.Release(), runner.Runs)
	return err
}

// tally counts the verdicts: "11 ok, 1 fail".
func tally(verdicts []judge.Verdict) string {
	count := map[judge.Verdict]int{}
	for _, v := range verdicts {
		count[v]++
	}
	var parts []string
	for _, v := range judge.Verdicts() {
		if count[v] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[v], v))
		}
	}
	return strings.Join(parts, ", ")
}
