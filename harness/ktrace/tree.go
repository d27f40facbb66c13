package ktrace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// tree is the little that a Tracer asks of tracefs. Tests have one that refuses what a kernel would refuse. Paths are complete.
type tree interface {
	mkdir(path string) error
	rmdir(path string) error
	// write hands text to the kernel in one write(2). It never truncates: opening kprobe_events with O_TRUNC would delete every
	// probe of the machine.
	write(path, text string) error
	open(path string) (io.ReadCloser, error)
	exists(path string) (bool, error)
	// list names what is in a folder.
	list(dir string) ([]string, error)
	// lock takes the flock of a folder for as long as the result is open; errLocked if another has it.
	lock(dir string) (io.Closer, error)
}

// errLocked: a living Tracer owns the instance.
var errLocked = errors.New("in use by another process")

// files is the tree of real files.
type files struct{}

func (files) mkdir(path string) error { return os.Mkdir(path, 0o700) }
func (files) rmdir(path string) error { return unix.Rmdir(path) }

func (files) write(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func (files) exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (files) list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

func (files) lock(dir string) (io.Closer, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = errLocked
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), f.Close())
	}
	return f, nil
}

func (files) open(path string) (io.ReadCloser, error) { return os.Open(path) }

// readAll reads a control file. tracefs gives at most a page at a time.
func readAll(ctx context.Context, fs tree, path string) (string, error) {
	f, err := fs.open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(cancelled{ctx, f})
	return string(b), err
}

// cancelled reads until the context ends.
type cancelled struct {
	ctx context.Context
	io.Reader
}

func (c cancelled) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Reader.Read(p)
}
