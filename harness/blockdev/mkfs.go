package blockdev

import (
	"context"
	"errors"
	"fmt"
	osexec "os/exec"
	"strings"
)

// mkfsTries is how often a tool is started that dies of a signal. bcachefs 1.12 does one time in seven, of its own threads' heaps, having
// done its work or not.
const mkfsTries = 4

// Make runs the command that makes a file system; an empty one makes nothing. An *UnsupportedError says that there is no such tool.
func Make(ctx context.Context, command []string) error {
	if len(command) == 0 {
		return nil
	}
	for try := 1; ; try++ {
		out, err := osexec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
		if err == nil {
			return nil
		}
		if errors.Is(err, osexec.ErrNotFound) {
			return &UnsupportedError{Reason: "there is no " + command[0], Tool: command[0]}
		}
		if !killed(err) || ctx.Err() != nil || try == mkfsTries {
			return fmt.Errorf("make the file system: %s: %w: %s", strings.Join(command, " "), err, OneLine(string(out)))
		}
	}
}

// killed says whether a process died of a signal.
func killed(err error) bool {
	var exit *osexec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == -1
}
