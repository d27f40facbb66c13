package apt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// ErrNoApt says that the machine has no apt, or not all of it.
var ErrNoApt = errors.New("no apt on this machine")

// haveTools fails with one line that names what is missing and the way around.
func haveTools(tools ...string) error {
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("find %s: %w: packages cannot be fetched here; give a kernel as a path (bzImage, built tree or .deb), "+
				"or run on Debian or Ubuntu with apt and dpkg", tool, ErrNoApt)
		}
	}
	return nil
}

// run executes one of apt's tools in dir with the private configuration and returns its output. A failure is one line: apt's own
// "E:" lines, joined. A disk that is full while the tool runs ends it: it might wait for ever.
func (a *Archive) run(ctx context.Context, dir, tool string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { cache.WatchSpace(ctx, a.path(), cancel) })
	defer watching.Wait()
	defer cancel(nil)
	out, stderr, err := command(ctx, dir, tool, append([]string{"-c", a.path("apt.conf")}, args...)...)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, cache.NoSpace(a.path(), &toolError{tool, stderr, err})
	}
	return out, nil
}

// toolError is a failure of one of apt's tools, with all that it said.
type toolError struct {
	tool   string
	stderr []byte
	err    error
}

// Error is one line.
func (e *toolError) Error() string { return fmt.Sprintf("%s: %v", e.tool, oneLine(e.stderr, e.err)) }

// Unwrap is how the tool ended.
func (e *toolError) Unwrap() error { return e.err }

// command runs tool in a process group of its own, so that apt's download methods end with it when ctx does. The tool is killed
// when we are: an apt left behind would hold its lock against the next run. That signal comes when the thread that started the
// tool ends (see prctl(2), PR_SET_PDEATHSIG), so the thread is kept until then.
func command(ctx context.Context, dir, tool string, args ...string) (stdout, stderr []byte, err error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = cmd.Run()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return out.Bytes(), errs.Bytes(), err
}

// maxReasons bounds how many of a tool's complaints make up our one line: with the network gone there is one for every file.
const maxReasons = 2

// oneLine makes an error from what a tool said on stderr: its errors (apt's "E:", dpkg-deb's "error:") if it marked any, else its
// last line, else err.
func oneLine(stderr []byte, err error) error {
	var reasons []string
	last := ""
	for line := range strings.Lines(string(stderr)) {
		line = strings.TrimSpace(line)
		if line != "" {
			last = line
		}
		if reason, found := markedError(line); found {
			reasons = append(reasons, reason)
		}
	}
	switch {
	case len(reasons) > maxReasons:
		return fmt.Errorf("%s (and %d more errors)", strings.Join(reasons[:maxReasons], "; "), len(reasons)-maxReasons)
	case len(reasons) > 0:
		return errors.New(strings.Join(reasons, "; "))
	case last != "":
		return errors.New(last)
	}
	return err
}

func markedError(line string) (string, bool) {
	if reason, found := strings.CutPrefix(line, "E: "); found {
		return strings.TrimSpace(reason), true
	}
	if _, reason, found := strings.Cut(line, "error: "); found {
		return strings.TrimSpace(reason), true
	}
	return "", false
}
