package guest

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// startOnTerminal starts the shell as the leader of a session on a new pseudo terminal, so that ^C and job control work.
func (s *shell) startOnTerminal(want wire.Terminal) error {
	ours, theirs, err := openTerminal()
	if err != nil {
		return err
	}
	defer theirs.Close()
	s.terminal, s.stdin = ours, ours
	s.resize(want)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = theirs, theirs, theirs
	s.cmd.Env = append(s.cmd.Env, "TERM="+want.Name)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.outputs.Go(func() { s.pass(ours, false) })
	return nil
}

// openTerminal makes a pseudo terminal: our end and the shell's.
func openTerminal() (ours, theirs *os.File, err error) {
	ours, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	n, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		ours.Close()
		return nil, nil, fmt.Errorf("open a terminal: %w", err)
	}
	return ours, theirs, nil
}

// resize tells the terminal, and so what runs on it, its size. A size that is refused changes nothing.
func (s *shell) resize(to wire.Terminal) {
	if s.terminal != nil {
		_ = unix.IoctlSetWinsize(int(s.terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: to.Rows, Col: to.Cols})
	}
}
