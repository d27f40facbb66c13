package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// replayFlags are the flags of replay.
type replayFlags struct {
	targetFlags
	// asRecorded says that neither --kernel nor --release was given: a directory's own counts.
	asRecorded bool
	history    bool
}

func (a *app) replay() *cobra.Command {
	f := &replayFlags{}
	cmd := &cobra.Command{
		Use: "replay TOKEN|DIR", Short: "runs the same again: the same history from an engine's token, the same program from an evidence directory",
		Long: `replay runs something again and gives its verdict.

TOKEN is what the engine prints: the history is the same again, event by event. A token is of one program and one --release.
DIR is an evidence directory. One of the engine gives the same history again; one of a kernel runs the same program on the
same kernel, or on another one: --kernel.`,
		Args: cobra.ExactArgs(1),
		Example: `  iomapcheck replay t2.coherence/post-write-invalidation@xfs+dio-skip-post-invalidate.… --history
  iomapcheck replay runs/20261121-101500.000/vm~6.12.117+deb12-amd64~xfs~fallback-redirty-during-writeback
  iomapcheck replay DIR --kernel debian:6.1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.asRecorded = !cmd.Flags().Changed("kernel") && !cmd.Flags().Changed("release")
			if err := f.check(); err != nil {
				return usage(err)
			}
			if isToken(args[0]) {
				return a.replayToken(cmd.Context(), f, args[0])
			}
			return a.replayDir(cmd.Context(), f, args[0])
		},
	}
	f.register(cmd)
	f.registerHost(cmd)
	cmd.Flags().BoolVar(&f.history, "history", false, "print the history too")
	return cmd
}

// isToken says whether the argument is a token rather than a directory: t, the number of its form, and a dot.
func isToken(arg string) bool {
	form, _, dot := strings.Cut(arg, ".")
	digits, ok := strings.CutPrefix(form, "t")
	return dot && ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// replayToken runs the engine's schedule of a token.
func (a *app) replayToken(ctx context.Context, f *replayFlags, token string) error {
	name, mutants, err := tokenParts(token)
	if err != nil {
		return usage(err)
	}
	u, err := campaign.ParseName(cases.Catalogue(), name)
	if err != nil {
		return usage(fmt.Errorf("replay: %w (a program from standard input is replayed from its evidence directory)", err))
	}
	return a.replayOn(ctx, f, "refengine", func(r *campaign.Runner, _ func(string)) campaign.Verdict {
		r.Mutants = mutants
		return r.Replay(ctx, u, token)
	})
}

// tokenParts are the unit's name and the mutants.
func tokenParts(token string) (unit string, mutants []string, err error) {
	name, err := sched.TokenName(token)
	if err != nil {
		return "", nil, err
	}
	// A plus before the file system is a part of the unit's name.
	caseName, rest, _ := strings.Cut(name, "@")
	parts := strings.Split(rest, "+")
	return caseName + "@" + parts[0], parts[1:], nil
}

// replayDir runs the program of an evidence directory on its target again: the engine's with its schedule.
func (a *app) replayDir(ctx context.Context, f *replayFlags, dir string) error {
	old, p, err := readEvidence(dir)
	if err != nil {
		return usage(fmt.Errorf("replay %s: neither a token (t2.…) nor an evidence directory: %w", dir, err))
	}
	spec, err := fsys.Parse(old.FSName())
	if err != nil {
		return usage(fmt.Errorf("replay %s: %w", dir, err))
	}
	var mutants []string
	if old.Token != "" {
		if _, mutants, err = tokenParts(old.Token); err != nil {
			return usage(fmt.Errorf("replay %s: %w", dir, err))
		}
	}
	if f.asRecorded {
		f.kernel, f.release = old.KernelSpec, old.Kernel
	}
	u := campaign.Unit{
		Case: prog.Case{ID: old.Case, Rule: "as recorded in " + dir}, Variant: prog.Variant{Name: old.Parameters["variant"]}, FS: spec,
		Pressure: prog.Dial(old.Parameters["pressure"]),
	}
	return a.replayOn(ctx, f, old.Target, func(r *campaign.Runner, watch func(string)) campaign.Verdict {
		r.Mutants = mutants
		return r.ReplayProgram(ctx, u, p, old.Token, watch)
	})
}

// readEvidence reads the verdict and the program of an evidence directory.
func readEvidence(dir string) (v campaign.Verdict, p prog.Program, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "verdict.json"))
	if err != nil {
		return v, p, err
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return v, p, fmt.Errorf("read verdict.json: %w", err)
	}
	program, err := os.ReadFile(filepath.Join(dir, "program.txt"))
	if err != nil {
		return v, p, err
	}
	if p, err = prog.Parse(string(program)); err != nil {
		return v, p, fmt.Errorf("read program.txt: %w", err)
	}
	return v, p, nil
}

// replayOn opens the target, runs there, and prints the verdict.
func (a *app) replayOn(ctx context.Context, f *replayFlags, target string, run func(*campaign.Runner, func(string)) campaign.Verdict) error {
	if err := checkTarget(target); err != nil {
		return usage(err)
	}
	p := newProgress(a.errOut)
	runner, err := a.runner(ctx, target, f.targetFlags, p)
	if err != nil {
		p.close()
		return err
	}
	defer runner.Target.Close()
	v := run(runner, p.set)
	p.close()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return a.show(v, f.history)
}

// show prints a verdict and, if wanted, its history; the exit code follows the verdict.
func (a *app) show(v campaign.Verdict, withHistory bool) error {
	a.code = judge.ExitCode(v.Verdict)
	if withHistory {
		text, err := os.ReadFile(filepath.Join(v.Evidence, "history.txt"))
		// A run that failed before it began has no history; its verdict says why.
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("show the history: %w", err)
		}
		fmt.Fprint(a.out, string(text))
	}
	for _, w := range v.Witness {
		fmt.Fprintln(a.out, "  witness", w)
	}
	_, err := fmt.Fprintf(a.out, "%s\n  evidence in %s\n", v.Line(), v.Evidence)
	return err
}
