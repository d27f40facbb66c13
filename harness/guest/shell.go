package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/blockdev"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// busybox is the shell and its commands; only the image for shells has it.
const busybox = "/bin/busybox"

// shell is a shell under way.
type shell struct {
	a     *agent
	input chan wire.Input // from the host; room for everything that it may send ahead
	cmd   *osexec.Cmd
	stdin io.WriteCloser
	// terminal is our end of the shell's terminal, nil where it has pipes.
	terminal *os.File
	outputs  sync.WaitGroup
}

// startShell begins a shell; what it says and how it ends is sent to the host.
func (a *agent) startShell(want wire.Shell) {
	// Sizes of a terminal are not counted by the sender; it has to be a nimble hand to resize faster than we take it.
	s := &shell{a: a, input: make(chan wire.Input, 4*wire.InputAhead)}
	a.shell = s
	a.jobs.Go(func() {
		exit := s.run(want)
		_ = a.conn.Send(wire.ToHost{Exit: &exit})
	})
}

func (s *shell) run(want wire.Shell) wire.Exit {
	if err := s.prepare(); err != nil {
		return wire.Exit{Error: err.Error()}
	}
	if err := s.start(want); err != nil {
		return wire.Exit{Error: err.Error()}
	}
	go s.takeInput()
	s.outputs.Wait()
	err := s.cmd.Wait()
	unix.Sync()
	return exitOf(err)
}

// exitOf is how a command ended.
func exitOf(err error) wire.Exit {
	var ended *osexec.ExitError
	switch {
	case err == nil:
		return wire.Exit{}
	case !errors.As(err, &ended):
		return wire.Exit{Error: fmt.Sprintf("run the shell: %v", err)}
	}
	if status, ok := ended.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return wire.Exit{Code: 128 + int(status.Signal())}
	}
	return wire.Exit{Code: ended.ExitCode()}
}

// prepare makes the guest fit to work in: busybox's commands, the disk's, and terminals.
func (s *shell) prepare() error {
	const limit = time.Minute // two hundred links under emulation take a second
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if out, err := osexec.CommandContext(ctx, busybox, "--install", "-s", "/bin").CombinedOutput(); err != nil {
		return fmt.Errorf("set up the shell: %w: %s", err, blockdev.OneLine(string(out)))
	}
	if err := os.Symlink("/init", diskCommand); err != nil {
		return fmt.Errorf("set up the shell: %w", err)
	}
	_ = os.MkdirAll("/dev/pts", 0o755) // a failure shows in the next step
	if err := unix.Mount("devpts", "/dev/pts", "devpts", 0, ""); err != nil && err != unix.EBUSY {
		return fmt.Errorf("set up the shell: mount /dev/pts: %w", err)
	}
	return s.a.serveDiskCommand()
}

// start starts the command with pipes, or on a terminal of its own.
func (s *shell) start(want wire.Shell) error {
	args := []string{"sh"}
	if want.Command != "" {
		args = append(args, "-c", want.Command)
	} else if want.Terminal != nil {
		args = append(args, "-i")
	}
	s.cmd = &osexec.Cmd{Path: busybox, Args: args, Dir: mountPoint, Env: append(os.Environ(), "HOME=/root", `PS1=guest:\w# `)}
	var err error
	if want.Terminal != nil {
		err = s.startOnTerminal(*want.Terminal)
	} else {
		err = s.startOnPipes()
	}
	if err != nil {
		return fmt.Errorf("start the shell: %w", err)
	}
	return nil
}

func (s *shell) startOnPipes() error {
	var err error
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	errOut, err := s.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.outputs.Go(func() { s.pass(out, false) })
	s.outputs.Go(func() { s.pass(errOut, true) })
	return nil
}

// pass sends what the command writes.
func (s *shell) pass(from io.Reader, isErr bool) {
	buf := make([]byte, 8<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			_ = s.a.conn.Send(wire.ToHost{Output: &wire.Output{Data: buf[:n], Err: isErr}})
		}
		if err != nil {
			return // a terminal ends with EIO
		}
	}
}

// takeInput gives the command what the host sends, until the machine ends. A command that does not read any more is no fault.
func (s *shell) takeInput() {
	for in := range s.input {
		if in.Resized != nil {
			s.resize(*in.Resized)
		}
		if len(in.Data) > 0 {
			_, _ = s.stdin.Write(in.Data)
			_ = s.a.conn.Send(wire.ToHost{Output: &wire.Output{Taken: true}})
		}
		if in.End {
			s.endInput()
		}
	}
}

// endInput ends the command's standard input; on a terminal that is what the user's Ctrl-D does.
func (s *shell) endInput() {
	const ctrlD = 4
	if s.terminal != nil {
		_, _ = s.terminal.Write([]byte{ctrlD})
		return
	}
	_ = s.stdin.Close()
}
