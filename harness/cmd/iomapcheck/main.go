// Command iomapcheck is the one binary: the command line on a host, PID 1 in a guest, a task process of a program, and the disk
// command of a guest's shell.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/guest"
)

func main() {
	switch {
	case isTask():
		os.Exit(exec.TaskMain())
	case guest.IsDiskCommand():
		os.Exit(guest.DiskCommandMain(os.Args[1:]))
	case isGuest():
		guest.Main()
	}
	collectLess()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	// The first signal ends the work in good order; a second one ends the process as ever.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// collectLess trades memory, some tens of MiB, for a fifth of the time of an engine run, whose heap is small and short-lived.
// GOGC in the environment decides when it is set.
func collectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// isTask says whether this process is a task of a program.
func isTask() bool { return len(os.Args) > 1 && os.Args[1] == exec.TaskArg }

// isGuest says whether this process is PID 1 of one of our virtual machines.
func isGuest() bool { return os.Getpid() == 1 && guest.IsGuest() }

// run is the command line; it returns the exit code: 0 good, 1 bad, 125 our own fault, 2 wrong usage.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	app := &app{in: in, out: out, errOut: errOut}
	root := app.root()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return app.code
	}
	fmt.Fprintln(errOut, "iomapcheck:", oneLine(err.Error()))
	return exitCode(err)
}

// oneLine folds a text of several lines, such as a joined error, into one.
func oneLine(text string) string {
	var parts []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			parts = append(parts, line)
		}
	}
	return strings.Join(parts, "; ")
}
