package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/vmimage/accel"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
)

// targetFlags say which kernel; several commands have them.
type targetFlags struct {
	kernel, release, accel string
	hostFlags
}

func (f *targetFlags) register(cmd *cobra.Command) {
	f.registerKernel(cmd)
	f.registerRelease(cmd)
}

// registerKernel registers what is about virtual machines.
func (f *targetFlags) registerKernel(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.kernel, "kernel", "debian:6.12", "kernel for the vm target: debian:SERIES, tree:DIR (a built tree), or PATH[,modules=DIR]")
	cmd.Flags().StringVar(&f.accel, "accel", "", "kvm or tcg; empty finds out by booting, once")
}

// registerRelease registers what is about the engine.
func (f *targetFlags) registerRelease(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.release, "release", campaign.DefaultRelease, "kernel release that the engine behaves like")
}

// check finds wrong values before anything is begun with them.
func (f *targetFlags) check() error {
	if _, err := kernel.ParseVersion(f.release); f.release != "" && err != nil {
		return fmt.Errorf("--release: %w", err)
	}
	if _, err := accel.Force(f.accel); f.accel != "" && err != nil {
		return fmt.Errorf("--accel: %w", err)
	}
	return nil
}

// checkTarget names the targets there are, if this is none.
func checkTarget(name string) error {
	if !slices.Contains(campaign.TargetNames(), name) {
		return fmt.Errorf("--target %q: there are %s", name, strings.Join(campaign.TargetNames(), ", "))
	}
	return nil
}

// runner opens a target and names a new directory for evidence. The caller closes the target.
func (a *app) runner(ctx context.Context, target string, f targetFlags, p *progress) (*campaign.Runner, error) {
	o := campaign.TargetOptions{
		Kernel: f.kernel, Release: f.release, Accel: f.accel, Cache: a.cache(), Host: f.config(),
		Report: func(line string) { _ = p.println(a.errOut, line) },
	}
	runs, err := a.newRun()
	if err != nil {
		return nil, err
	}
	r := &campaign.Runner{Runs: runs}
	if target == "vm" {
		r.KernelSpec = f.kernel
		if o.Agent, err = agent(); err != nil {
			return nil, err
		}
		p.set("preparing " + f.kernel)
	}
	if r.Target, err = campaign.OpenTarget(ctx, target, o); err != nil {
		return nil, err
	}
	return r, nil
}
