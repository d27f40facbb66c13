// Command iomapcheck is the one binary: the command line on a host, PID 1 in a guest, and a task process of a program.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/guest"
)

func main() {
	switch {
	case len(os.Args) > 1 && os.Args[1] == exec.TaskArg:
		os.Exit(exec.TaskMain())
	case os.Getpid() == 1 && guest.IsGuest():
		guest.Main()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the command line; it returns the exit code: 0 good, 1 bad, 125 our own fault, 2 wrong usage.
func run(ctx context.Context, args []string, in *os.File, out, errOut *os.File) int {
	app := &app{in: in, out: out, errOut: errOut}
	root := app.root()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return app.code
	}
	fmt.Fprintln(errOut, "iomapcheck:", err)
	return exitCode(err)
}
