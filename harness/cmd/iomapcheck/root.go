package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// app is one invocation of the command line.
type app struct {
	in          io.Reader
	out, errOut io.Writer
	cacheDir    string
	runsDir     string
	config      string // the configuration's file, "" for the usual one
	// code is the exit code of a command that ended without an error, by its verdicts.
	code int
}

// The exit codes, as git bisect run understands them.
const (
	exitBad   = 1
	exitUsage = 2
	exitInfra = 125
	// exitAbort ends a bisection: what is below 128 git bisect run takes for bad, but for 125.
	exitAbort = 128
)

// usageError is a wrong command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(err error) error { return &usageError{err} }

// abortError is a wrong command line of bisect-run: every commit would be as wrong.
type abortError struct{ err error }

func (e *abortError) Error() string { return e.err.Error() }
func (e *abortError) Unwrap() error { return e.err }

// exitCode tells wrong usage from our own faults.
func exitCode(err error) int {
	var wrong *usageError
	var abort *abortError
	switch {
	case errors.As(err, &abort):
		return exitAbort
	case errors.As(err, &wrong):
		return exitUsage
	}
	return exitInfra
}

// root is the command line's tree.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "iomapcheck",
		Short: "checks the direct-I/O rules of Linux file systems, on a reference engine and on real kernels",
		Long: `iomapcheck runs cases about direct I/O (do direct, buffered and mapped I/O agree? does a direct write that cannot
invalidate the page cache fall back to buffered I/O unnoticed? does truncate wait for direct I/O in flight?) on a reference
engine and on real kernels in QEMU virtual machines, and judges what happened.

Exit codes: 0 good, 1 a verdict is bad, 125 nothing was shown (our own fault, or a situation that did not come about), 2 wrong
usage. So any run command fits git bisect run.

` + configHelp,
		Example: `  iomapcheck doctor                           what this machine can do
  iomapcheck run                              every case on the engine
  iomapcheck run --target vm --fs xfs,ext4    on Debian's 6.12, in a virtual machine
  iomapcheck mutants                          which case catches which historic bug`,
		Version:      ownVersion(),
		SilenceUsage: true, SilenceErrors: true,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.cacheDir, "cache", defaultDir("IOMAPCHECK_CACHE", os.UserCacheDir), "kernels, tools and images (environment: IOMAPCHECK_CACHE)")
	flags.StringVar(&a.runsDir, "runs", defaultRuns(), "evidence, a directory a run (environment: IOMAPCHECK_RUNS)")
	flags.StringVar(&a.config, "config", "", "defaults of flags (environment: IOMAPCHECK_CONFIG; otherwise iomapcheck.yaml, if there is one)")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return a.configure(cmd) }
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	root.AddCommand(a.list(), a.runCommand(), a.matrix(), a.replay(), a.reproducer(), a.mutants(), a.doctor(), a.validate(), a.bisectRun(), a.image(), a.vm(), a.language(), a.xfstests(), a.reportCommand(), a.ciCommand())
	return complete(usageErrors(root))
}

// usageErrors makes every command's complaint about its arguments a usage error.
func usageErrors(cmd *cobra.Command) *cobra.Command {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usage(err)
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		usageErrors(sub)
	}
	return cmd
}

// defaultDir is the environment's choice, else iomapcheck in the user's folder of that kind.
func defaultDir(env string, user func() (string, error)) string {
	if dir := os.Getenv(env); dir != "" {
		return dir
	}
	if dir, err := user(); err == nil {
		return filepath.Join(dir, "iomapcheck")
	}
	return filepath.Join(os.TempDir(), "iomapcheck")
}

func defaultRuns() string {
	if dir := os.Getenv("IOMAPCHECK_RUNS"); dir != "" {
		return dir
	}
	return "runs"
}

func (a *app) cache() cache.Dir { return cache.Dir(a.cacheDir) }

// newRun names a new run's directory, absolute, so that what is printed works from anywhere.
func (a *app) newRun() (string, error) {
	return filepath.Abs(filepath.Join(a.runsDir, time.Now().Format("20060102-150405.000")))
}
