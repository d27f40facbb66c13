package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/cases"
	grid "github.com/iomapcheck/iomapcheck/ci/matrix"
	kept "github.com/iomapcheck/iomapcheck/ci/report"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
)

// matrixFlags are the flags of matrix.
type matrixFlags struct {
	targetFlags
	engineFlags
	kernels []string
	json    string
}

func (a *app) matrix() *cobra.Command {
	f := &matrixFlags{}
	cmd := &cobra.Command{
		Use: "matrix", Short: "runs cases on several kernels and prints a table of every kernel, case and file system",
		Long: `matrix runs cases on several kernels, one after the other, and prints verdicts as they come, then a table a kernel with a verdict in every
cell. A kernel that cannot be had is infra in all of its cells, with the reason; the others are run all the same.`,
		Args: cobra.NoArgs,
		Example: `  iomapcheck matrix
  iomapcheck matrix --fs all --kernel debian:6.1 --kernel debian:7.2
  iomapcheck matrix --case 'fallback/*' --kernel debian:6.12 --kernel tree:../linux --json verdicts.jsonl`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runMatrix(cmd.Context(), f) },
	}
	f.engineFlags.register(cmd)
	cmd.Flags().StringArrayVar(&f.kernels, "kernel", nil,
		"a kernel, as in run --kernel; once for each; default those of ci matrix --level nightly")
	cmd.Flags().StringVar(&f.accel, "accel", "", "kvm or tcg; empty finds out by booting, once")
	cmd.Flags().StringVar(&f.json, "json", "", "write verdicts to this file, one JSON object a line; - for standard output")
	return cmd
}

func (a *app) runMatrix(ctx context.Context, f *matrixFlags) error {
	units, err := f.plan(cases.Catalogue())
	if err := errors.Join(err, f.targetFlags.check(), f.engineFlags.check()); err != nil {
		return usage(err)
	}
	if len(f.kernels) == 0 {
		m, err := grid.Default()
		if err != nil {
			return err
		}
		f.kernels = m.MachineKernels("nightly")
	}
	var kernels []kernelRun
	for _, kernel := range f.kernels {
		one := f.targetFlags
		one.kernel = kernel
		kernels = append(kernels, kernelRun{spec: kernel, target: "vm", flags: one, units: units, jobs: f.workers("vm")})
	}
	return a.runKernels(ctx, f.json, kernels)
}

// runKernels runs what is to be run on each of several kernels, one after the other, and keeps it as one run. A table a kernel ends it; the exit
// code follows the verdicts, or the interrupt.
func (a *app) runKernels(ctx context.Context, json string, kernels []kernelRun) error {
	p := newProgress(a.errOut)
	defer p.close()
	report, err := a.newReport(json, p)
	if err != nil {
		return err
	}
	dir, err := a.newRun()
	if err == nil {
		err = report.keep(dir)
	}
	if err != nil {
		return errors.Join(err, report.finish())
	}
	var all []campaign.Verdict
	for i := 0; i < len(kernels) && err == nil && ctx.Err() == nil; i++ {
		var verdicts []campaign.Verdict
		verdicts, err = a.runKernel(ctx, kernels[i], dir, report)
		all = append(all, verdicts...)
	}
	a.code = judge.ExitCode(report.verdicts...)
	if ctx.Err() != nil {
		a.code = exitInfra
	}
	return errors.Join(err, p.println(report.people, "\n"+campaign.Table(all)+kept.Tally(report.verdicts)+"; evidence in "+dir), report.finish())
}

// folderOf is a kernel's folder among the evidence.
func folderOf(kernel string) string {
	return strings.NewReplacer("/", "-", ":", "-", ",", "-").Replace(kernel)
}

// kernelRun is a kernel of several, how it is named, what is to be run on it, and how.
type kernelRun struct {
	spec, target string
	flags        targetFlags
	units        []campaign.Unit
	jobs, budget int
}

// runKernel runs the units on one kernel, whose evidence goes into a folder of its own below dir. A kernel that cannot be had is no error but the
// verdict of all of them.
func (a *app) runKernel(ctx context.Context, k kernelRun, dir string, report *report) ([]campaign.Verdict, error) {
	var run func(context.Context, int) campaign.Verdict
	runner, missing := a.runner(ctx, k.target, k.flags, report.progress)
	if missing != nil {
		run = func(_ context.Context, i int) campaign.Verdict {
			return campaign.Unavailable(k.units[i], k.spec, missing)
		}
	} else {
		defer runner.Target.Close()
		runner.Runs, runner.Budget, runner.Seed, runner.Shrink = filepath.Join(dir, folderOf(k.spec)), k.budget, 1, true
		run = func(ctx context.Context, i int) campaign.Verdict {
			watch := func(doing string) {
				report.progress.set(fmt.Sprintf("%s [%d/%d] %s: %s", k.spec, i+1, len(k.units), k.units[i].Name(), doing))
			}
			return runner.Run(ctx, k.units[i], watch)
		}
	}
	var out []campaign.Verdict
	err := sideBySide(ctx, k.jobs, len(k.units), run, func(i int, v campaign.Verdict) error {
		if ctx.Err() != nil && v.Verdict == judge.Infra {
			return nil // the interrupt is no verdict
		}
		out = append(out, v)
		return report.add(k.units[i], v)
	})
	return out, err
}
