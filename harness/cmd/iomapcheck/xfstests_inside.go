package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/xfstests/inside"
)

// xfstestsInside are the commands about the cases as tests of an xfstests tree.
func (a *app) xfstestsInside() []*cobra.Command {
	return []*cobra.Command{a.xfstestsInstall(), a.xfstestsUninstall(), a.xfstestsRunCase()}
}

func (a *app) xfstestsInstall() *cobra.Command {
	var binary, folder string
	cmd := &cobra.Command{
		Use: "install TREE", Short: "adds the cases to an xfstests tree as tests/iomap, with this program to run them", Args: cobra.ExactArgs(1),
		Long: `install adds tests/iomap to an xfstests tree: a numbered test for each case, and this program, which they call. doc/group-names.txt
gets a line for each group that it lacks. Nothing else is changed, and uninstall takes all of it away again.

The tests are in the groups iomap/auto, iomap/quick, and one for each theme, as iomap/fallback. check's own groups (-g auto) do not
have them: check looks into tests/generic and the file system's folder alone.

kvm-xfstests runs no test whose name does not begin with generic, shared, perf, selftest or the file system: for its appliance the folder is to be
called accordingly, as in --folder generic-iomap, and the groups are generic-iomap/auto and so on. kdevops takes the groups as they are.

A case that takes the programmable disk uses $SCRATCH_DEV, any other one $TEST_DIR. IOMAPCHECK_UNEXERCISED says what it is if a
situation did not come about (fail, notrun or pass); IOMAPCHECK_PROG is another program to run.`,
		Example: `  iomapcheck xfstests install ~/xfstests
  cd ~/xfstests && ./check -g iomap/auto
  cd ~/xfstests && IOMAPCHECK_UNEXERCISED=notrun ./check iomap/003 -g iomap/fallback
  iomapcheck xfstests install ~/xfstests-bld/fstests-bld/xfstests-dev --folder generic-iomap`,
		RunE: func(_ *cobra.Command, args []string) error { return a.installInto(args[0], folder, binary) },
	}
	folderFlag(cmd, &folder)
	cmd.Flags().StringVar(&binary, "binary", "", "the program to install, as for another architecture; default this one")
	return cmd
}

func folderFlag(cmd *cobra.Command, folder *string) {
	cmd.Flags().StringVar(folder, "folder", inside.Folder, "the folder below tests/, and the first part of the tests' names")
}

func (a *app) installInto(root, folder, binary string) error {
	if binary == "" {
		var err error
		if binary, err = agent(); err != nil {
			return err
		}
	}
	program, err := os.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("read the program to install: %w", err)
	}
	tree, err := inside.OpenTree(root, folder)
	if err != nil {
		return usage(err)
	}
	n, err := tree.Install(cases.Catalogue(), program)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "%d tests in %s/tests/%s; run them with ./check -g %[3]s/auto\n", n, root, folder)
	return err
}

func (a *app) xfstestsUninstall() *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use: "uninstall TREE", Short: "leaves an xfstests tree as it was before install", Args: cobra.ExactArgs(1),
		Example: "  iomapcheck xfstests uninstall ~/xfstests",
		RunE: func(_ *cobra.Command, args []string) error {
			tree, err := inside.OpenTree(args[0], folder)
			if err != nil {
				return usage(err)
			}
			was, err := tree.Uninstall()
			if err == nil && !was {
				_, err = fmt.Fprintf(a.out, "%s has no tests/%s: nothing to do\n", args[0], folder)
			}
			return err
		},
	}
	folderFlag(cmd, &folder)
	return cmd
}

// caseFlags are those of run-case.
type caseFlags struct{ where, full, reason, program string }

// exitNotRun is the exit code of a test that was not run.
const exitNotRun = 77

func (a *app) xfstestsRunCase() *cobra.Command {
	f := &caseFlags{}
	cmd := &cobra.Command{
		Use: "run-case [CASE]", Short: "is what an installed test runs: a case, in check's environment", Args: cobra.MaximumNArgs(1),
		Long: `run-case runs a case, or a program of your own, in the environment of a test of xfstests (FSTYP, TEST_DIR, SCRATCH_DEV, …), and prints
nothing but what is wrong. It exits with 0 for a pass, 1 for a failure, and 77 where nothing was run; --reason gets why.`,
		Example: `  iomapcheck xfstests run-case coherence/extending-write --where disk --full $seqres.full --reason $tmp.reason
  iomapcheck xfstests run-case --program tests/mine/001.program --where dir`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runCase(cmd.Context(), f, args) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.where, "where", "dir", "dir (in $TEST_DIR) or disk (on the programmable disk, which $SCRATCH_DEV is given the contents of)")
	fl.StringVar(&f.full, "full", "", "append verdicts, histories and the commands that run them again to this file")
	fl.StringVar(&f.reason, "reason", "", "write to this file why nothing was run")
	fl.StringVar(&f.program, "program", "", "run this program in text form instead of a case")
	return cmd
}

// runCase runs a case.
func (a *app) runCase(ctx context.Context, f *caseFlags, args []string) error {
	req, err := f.request(args)
	if err != nil {
		return usage(err)
	}
	env, err := inside.ReadEnvironment(os.Getenv)
	if err != nil {
		return usage(err)
	}
	full, err := openLog(f.full)
	if err != nil {
		return err
	}
	req.Full, req.Out = full, a.out
	res, err := env.Run(ctx, req)
	if err = errors.Join(err, full.Close()); err != nil {
		return err
	}
	return a.settleCase(f, res)
}

// settleCase makes an exit code of the outcome.
func (a *app) settleCase(f *caseFlags, res inside.Result) error {
	switch res.Outcome {
	case inside.Failure:
		a.code = exitBad
	case inside.NotRun:
		a.code = exitNotRun
		if f.reason == "" {
			_, err := fmt.Fprintln(a.out, res.Reason)
			return err
		}
		if err := os.WriteFile(f.reason, []byte(res.Reason+"\n"), 0o644); err != nil {
			return fmt.Errorf("say why nothing was run: %w", err)
		}
	}
	return nil
}

// request is what the flags ask for.
func (f *caseFlags) request(args []string) (inside.Request, error) {
	req := inside.Request{Where: inside.Needs(f.where), Binary: os.Args[0]}
	if req.Where != inside.NeedsDir && req.Where != inside.NeedsDisk {
		return req, fmt.Errorf("--where %q: want %s or %s", f.where, inside.NeedsDir, inside.NeedsDisk)
	}
	if (f.program == "") == (len(args) == 0) {
		return req, errors.New("run-case: want the name of a case, or --program FILE")
	}
	if f.program == "" {
		c, ok := inside.Find(cases.Catalogue(), args[0])
		if !ok {
			return req, fmt.Errorf("run-case: there is no case %s; iomapcheck list has those there are", args[0])
		}
		req.Case = c
		return req, nil
	}
	text, err := os.ReadFile(f.program)
	if err != nil {
		return req, fmt.Errorf("read the program: %w", err)
	}
	p, err := prog.Parse(string(text))
	if err != nil {
		return req, fmt.Errorf("read the program %s: %w", f.program, err)
	}
	req.Given = f.program
	name, _, _ := strings.Cut(filepath.Base(f.program), ".")
	req.Case = prog.Case{ID: "program/" + name, Rule: "what the program itself expects", Variants: []prog.Variant{{Program: p}}}
	return req, nil
}

// openLog opens a test's log to append to; what has no log is logged nowhere.
func openLog(path string) (*os.File, error) {
	if path == "" {
		path = os.DevNull
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the test's log: %w", err)
	}
	return f, nil
}
