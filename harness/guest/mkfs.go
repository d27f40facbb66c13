package guest

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

// makeFS runs the command; an empty one makes nothing.
func makeFS(ctx context.Context, command []string) error {
	if len(command) == 0 {
		return nil
	}
	for try := 1; ; try++ {
		out, err := osexec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
		if err == nil {
			return nil
		}
		// What no image can do without was there when it was built; the rest is not in every distribution.
		if errors.Is(err, osexec.ErrNotFound) {
			return &unsupportedError{fmt.Sprintf("the guest's image has no %s: no package of it was found when the image was built", command[0])}
		}
		if !killed(err) || ctx.Err() != nil || try == mkfsTries {
			return fmt.Errorf("make the file system: %s: %w: %s", strings.Join(command, " "), err, oneLine(string(out)))
		}
	}
}

// killed says whether a process died of a signal.
func killed(err error) bool {
	var exit *osexec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == -1
}
