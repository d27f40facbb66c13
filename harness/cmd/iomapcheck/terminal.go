package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// isTerminal says whether a stream is a terminal.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}

// makeRaw lets every key through as it is pressed, and returns what undoes that; it may be called again.
func makeRaw(terminal *os.File) (restore func(), err error) {
	fd := int(terminal.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("make the terminal raw: %w", err)
	}
	raw := *before
	// As cfmakeraw(3).
	raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	raw.Oflag &^= unix.OPOST
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &raw); err != nil {
		return nil, fmt.Errorf("make the terminal raw: %w", err)
	}
	return sync.OnceFunc(func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, before) }), nil
}

// terminalSize describes the terminal to a guest.
func terminalSize(terminal *os.File) *wire.Terminal {
	t := &wire.Terminal{Name: os.Getenv("TERM"), Rows: 24, Cols: 80}
	if t.Name == "" {
		t.Name = "vt100"
	}
	if size, err := unix.IoctlGetWinsize(int(terminal.Fd()), unix.TIOCGWINSZ); err == nil && size.Col != 0 {
		t.Rows, t.Cols = size.Row, size.Col
	}
	return t
}

// resizes tells of the terminal's new sizes until ctx ends.
func resizes(ctx context.Context, terminal *os.File) <-chan wire.Terminal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGWINCH)
	sizes := make(chan wire.Terminal)
	go func() {
		defer signal.Stop(signals)
		for {
			select {
			case <-signals:
			case <-ctx.Done():
				return
			}
			select {
			case sizes <- *terminalSize(terminal):
			case <-ctx.Done():
				return
			}
		}
	}()
	return sizes
}

// errEscaped ends a shell whose user pressed the escape key.
var errEscaped = errors.New("ended with Ctrl-]")

// escapable is a terminal's input up to the escape key, Ctrl-], which works whatever state the guest is in.
type escapable struct {
	from   io.Reader
	escape func()
}

// Read implements io.Reader; it returns io.EOF at the escape key.
func (e *escapable) Read(p []byte) (int, error) {
	const ctrlBracket = 0x1d
	n, err := e.from.Read(p)
	if i := bytes.IndexByte(p[:n], ctrlBracket); i >= 0 {
		e.escape()
		return i, io.EOF
	}
	return n, err
}
