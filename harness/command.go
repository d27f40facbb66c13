package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/judge"
)

// Command is an external command as a case.
type Command struct {
	// ID is theme/name, stable and unique in the suite.
	ID string
	// Rule says in plain words what must hold; Source where the command comes from.
	Rule, Source string
	// Args are the program, looked up in PATH, and its arguments.
	Args []string
	// Env are variables, as in NAME=value, that it gets beside the environment.
	Env []string
	// Means says what the way in which the command ended means, with a line that says why; nil is ByExitStatus.
	Means func(Ended) (judge.Verdict, string)
	// Witness must match a line of the output of a command that is ok, or its situation did not come about; nil asks for nothing.
	Witness *regexp.Regexp
	// Limit bounds the command, after which it hangs; 0 means 15 minutes.
	Limit time.Duration
}

// Ended is how a command ended.
type Ended struct {
	// Status is the exit status, -1 where a signal ended it.
	Status int
	Signal os.Signal
	// Output is what it wrote to standard output and standard error, the end of it where it is much.
	Output string
}

// The exit status by which a test of automake's conventions, and so of many suites, says that it was skipped.
const skipped = 77

// ByExitStatus is the meaning of most suites: 0 is ok, 77 unsupported, and everything else a failure. The line is the last of the output.
func ByExitStatus(e Ended) (judge.Verdict, string) {
	switch {
	case e.Signal != nil:
		return judge.Fail, fmt.Sprintf("ended by signal %v: %s", e.Signal, lastLine(e.Output))
	case e.Status == 0:
		return judge.OK, ""
	case e.Status == skipped:
		return judge.Unsupported, lastLine(e.Output)
	}
	return judge.Fail, fmt.Sprintf("exit status %d: %s", e.Status, lastLine(e.Output))
}

// LTP's exit status is a sum of these (include/tst_res_flags.h).
const (
	ltpFail   = 1
	ltpBroken = 2
	ltpWarn   = 4
	ltpConf   = 32
)

// FromLTP is the meaning of LTP's tests: TFAIL is a failure, TBROK a fault of the test, TCONF unsupported. A warning alone is ok.
func FromLTP(e Ended) (judge.Verdict, string) {
	tagged := func(tag string) string {
		for line := range strings.Lines(e.Output) {
			if _, what, ok := strings.Cut(line, tag+":"); ok {
				return strings.TrimSpace(what)
			}
		}
		return lastLine(e.Output)
	}
	switch {
	case e.Signal != nil:
		return ByExitStatus(e)
	case e.Status&ltpFail != 0:
		return judge.Fail, tagged("TFAIL")
	case e.Status&ltpBroken != 0:
		return judge.Infra, tagged("TBROK")
	case e.Status&ltpConf != 0:
		return judge.Unsupported, tagged("TCONF")
	case e.Status&^ltpWarn == 0:
		return judge.OK, ""
	}
	return ByExitStatus(e)
}

// lastLine is the last line of a text that is not blank.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return strings.TrimSpace(text[strings.LastIndex(text, "\n")+1:])
}

// errLimit ends a command that takes too long.
var errLimit = errors.New("the command did not end within its limit")

// outputKept bounds what is kept of a command's output, in bytes.
const outputKept = 1 << 20

// usualLimit is Limit's default.
const usualLimit = 15 * time.Minute

// stopLimit is how long a command that was killed may keep its output open before it is given up.
const stopLimit = 10 * time.Second

// errStuck says of a command that was ended that it does not end.
var errStuck = errors.New("the kernel does not let go of it")

// start runs the command in a folder until it ends, and what it has left running with it. errLimit says that it was ended for taking too long;
// stacks is then where in the kernel its processes were. errStuck, beside the reason for which it was ended, says that it runs on. Any other error
// says that it could not be run.
func (c Command) start(ctx context.Context, dir string) (e Ended, stacks []string, err error) {
	limit := c.Limit
	if limit == 0 {
		limit = usualLimit
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errLimit)
	defer cancel()
	var out tail
	cmd := osexec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), c.Env...)
	cmd.Stdout, cmd.Stderr = &out, &out
	// A group of its own, so that what it starts ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = stopLimit
	seen := make(chan []string, 1)
	cmd.Cancel = func() error {
		seen <- kernelStacks(cmd.Process.Pid)
		return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	if err := cmd.Start(); err != nil {
		return e, nil, fmt.Errorf("run %s: %w", c.Args[0], err)
	}
	err = awaited(ctx, cmd.Wait, 2*stopLimit)
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // fails where it has left nothing
	e.Output = out.String()
	if ctx.Err() != nil {
		select {
		case stacks = <-seen:
		default: // it ended by itself, as the time did
		}
		if errors.Is(err, errStuck) {
			return e, stacks, fmt.Errorf("%w, and %w", context.Cause(ctx), errStuck)
		}
		return e, stacks, context.Cause(ctx)
	}
	var exit *osexec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, osexec.ErrWaitDelay) {
		return e, nil, fmt.Errorf("run %s: %w", c.Args[0], err)
	}
	e.Status = cmd.ProcessState.ExitCode()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		e.Signal = status.Signal()
	}
	return e, nil, nil
}

// awaited is what wait returns; errStuck if it does not within the grace after ctx has ended. Its goroutine then ends when the kernel lets go of
// the process: a task that sleeps uninterruptibly is what some tests are about, and must not take the others with it.
func awaited(ctx context.Context, wait func() error, grace time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- wait() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(grace):
		return errStuck
	}
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex // a command that is stuck may write on
	kept bytes.Buffer
}

// Write takes everything.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, err := t.kept.Write(p)
	if over := t.kept.Len() - outputKept; over > 0 {
		t.kept.Next(over)
	}
	return n, err
}

// String is what is kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.kept.String()
}
