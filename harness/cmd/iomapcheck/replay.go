package main

import (
	"context"
	"encoding/json"
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

func (a *app) replay() *cobra.Command {
	f := &targetFlags{}
	var show bool
	cmd := &cobra.Command{
		Use: "replay TOKEN|DIR", Short: "runs the same again: the same history from an engine's token, the same program from an evidence directory",
		Args: cobra.ExactArgs(1),
		Example: `  iomapcheck replay t1.coherence/post-write-invalidation@xfs+dio-skip-post-invalidate.…
  iomapcheck replay runs/20261121-101500.000/vm~…`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.HasPrefix(args[0], "t1.") {
				return a.replayToken(cmd.Context(), *f, args[0], show)
			}
			return a.replayDir(cmd.Context(), *f, cmd.Flags().Changed("kernel"), args[0], show)
		},
	}
	f.register(cmd)
	cmd.Flags().BoolVar(&show, "history", false, "print the history too")
	return cmd
}

// replayToken runs the engine's schedule of a token.
func (a *app) replayToken(ctx context.Context, f targetFlags, token string, show bool) error {
	name, err := sched.TokenName(token)
	if err != nil {
		return usage(err)
	}
	parts := strings.Split(name, "+")
	u, err := campaign.ParseName(cases.Catalogue(), parts[0])
	if err != nil {
		return usage(err)
	}
	runner, err := a.runner(ctx, "refengine", f)
	if err != nil {
		return err
	}
	defer runner.Target.Close()
	runner.Mutants = parts[1:]
	return a.show(runner.Replay(ctx, u, token), show)
}

// replayDir runs the program of an evidence directory on its target again.
func (a *app) replayDir(ctx context.Context, f targetFlags, otherKernel bool, dir string, show bool) error {
	text, err := os.ReadFile(filepath.Join(dir, "verdict.json"))
	if err != nil {
		return usage(fmt.Errorf("replay: %s is neither a token (t1.…) nor an evidence directory: %w", dir, err))
	}
	var old campaign.Verdict
	if err := json.Unmarshal(text, &old); err != nil {
		return fmt.Errorf("replay: read the verdict of %s: %w", dir, err)
	}
	program, err := os.ReadFile(filepath.Join(dir, "program.txt"))
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	p, err := prog.Parse(string(program))
	if err != nil {
		return fmt.Errorf("replay: read %s: %w", filepath.Join(dir, "program.txt"), err)
	}
	spec, err := fsys.Parse(old.FSName())
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	if old.KernelSpec != "" && !otherKernel {
		f.kernel = old.KernelSpec
	}
	runner, err := a.runner(ctx, old.Target, f)
	if err != nil {
		return err
	}
	defer runner.Target.Close()
	v := runner.RunProgram(ctx, campaign.Unit{Case: prog.Case{ID: old.Case, Rule: "as recorded in " + dir}, FS: spec}, p, nil)
	return a.show(v, show)
}

// show prints a verdict and, if wanted, its history; the exit code follows the verdict.
func (a *app) show(v campaign.Verdict, withHistory bool) error {
	a.code = judge.ExitCode(v.Verdict)
	if withHistory {
		text, err := os.ReadFile(filepath.Join(v.Evidence, "history.txt"))
		if err != nil {
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
