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
	read(ctx context.Context, path string) ([]byte, error)
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

// readChunk is how much is read between two looks at the context. tracefs gives at most a page at a time.
const readChunk = 64 << 10

func (files) read(ctx context.Context, path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []byte
	for buf := make([]byte, readChunk); ; {
		if err := ctx.Err(); err != nil {
			return out, fmt.Errorf("read %s: %w", path, err)
		}
		n, err := f.Read(buf)
		out = append(out, buf[:n]...)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, err
		}
	}
}
