package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
)

// complete has shells offer values for the flags of every command; what a flag of that name takes is the same everywhere.
func complete(cmd *cobra.Command) *cobra.Command {
	for flag, values := range completions() {
		if cmd.LocalNonPersistentFlags().Lookup(flag) != nil {
			// The only errors are a flag that is not there, and one registered twice.
			_ = cmd.RegisterFlagCompletionFunc(flag, offer(values))
		}
	}
	for _, sub := range cmd.Commands() {
		complete(sub)
	}
	return cmd
}

// completions are what flags take.
func completions() map[string]func() []string {
	kernels := func() []string {
		return []string{"debian:5.10", "debian:6.1", "debian:6.12", "debian:6.17", "debian:7.2", "tree:"}
	}
	return map[string]func() []string{
		"fs": fileSystems, "case": caseNames, "target": campaign.TargetNames, "kernel": kernels, "base": kernels, "patched": kernels,
		"pressure": func() []string { return []string{"none", "high", "max", "reclaim", "hog"} },
		"accel":    func() []string { return []string{"kvm", "tcg"} },
		"mutant":   mutant.Names,
		"as":       func() []string { return []string{"c", "xfs_io"} },
	}
}

// offer completes the last of a list of values.
func offer(values func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		before, last := "", typed
		if i := strings.LastIndex(typed, ","); i >= 0 {
			before, last = typed[:i+1], typed[i+1:]
		}
		var out []string
		for _, v := range values() {
			if strings.HasPrefix(v, last) {
				out = append(out, before+v)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

func fileSystems() []string {
	out := []string{"all"}
	for _, s := range fsys.All() {
		out = append(out, s.String())
	}
	return out
}

func caseNames() []string {
	var out []string
	for _, c := range cases.Catalogue() {
		out = append(out, c.ID)
		for _, v := range c.Variants {
			if v.Name != "" {
				out = append(out, c.ID+"~"+v.Name)
			}
		}
	}
	slices.Sort(out)
	return out
}
