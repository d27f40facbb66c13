// Package cache keeps what is expensive to make (kernels, userlands, initramfs images, probe results) in one folder that any
// number of processes share.
//
// Three rules make that safe: an entry is built beside its place under a temporary name and appears by rename, so that a killed
// run leaves no half an entry; whoever builds holds an flock on the entry's class (the folder it lives in), so that two processes
// build it once; and leftovers of killed runs are removed by the next builder of the class, which holds the lock and so knows
// that they have no owner.
package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Dir is the cache folder's path. It and everything below it is created when first needed.
type Dir string

// Path joins elem to the folder.
func (d Dir) Path(elem ...string) string {
	return filepath.Join(append([]string{string(d)}, elem...)...)
}

// lockPoll is how often a taken lock is tried again; flock(2) cannot be interrupted by a context.
const lockPoll = 20 * time.Millisecond

// Lock waits until no other process holds the lock called name, takes it, and returns what releases it. A process that dies
// releases its locks with it.
func (d Dir) Lock(ctx context.Context, name string) (unlock func(), err error) {
	path := d.Path("locks", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, NoSpace(path, fmt.Errorf("create cache folder: %w", err))
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, NoSpace(path, fmt.Errorf("open cache lock: %w", err))
	}
	if err := flock(ctx, file); err != nil {
		file.Close()
		return nil, fmt.Errorf("lock cache %s: %w", path, err)
	}
	return func() { file.Close() }, nil
}

func flock(ctx context.Context, file *os.File) error {
	retry := time.NewTicker(lockPoll)
	defer retry.Stop()
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil || (err != unix.EWOULDBLOCK && err != unix.EINTR) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("another process holds it: %w", ctx.Err())
		case <-retry.C:
		}
	}
}

// temporary begins the names of entries being built.
const temporary = ".tmp-"

// Publish returns the path of entry class/name. If it is not there, build makes it, as a file or a folder, at the path it is
// given; nobody sees it before build returned nil. A full disk comes back as a *SpaceError.
func (d Dir) Publish(ctx context.Context, class, name string, build func(path string) error) (string, error) {
	final := d.Path(class, name)
	if exists(final) {
		return final, nil
	}
	unlock, err := d.Lock(ctx, class)
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists(final) {
		return final, nil
	}
	return final, d.build(class, final, build)
}

// build runs with the class locked.
func (d Dir) build(class, final string, build func(string) error) error {
	parent := d.Path(class)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return NoSpace(parent, fmt.Errorf("create cache folder: %w", err))
	}
	if err := removeLeftovers(parent); err != nil {
		return err
	}
	tmp := filepath.Join(parent, temporary+filepath.Base(final))
	if err := build(tmp); err != nil {
		return NoSpace(parent, errors.Join(err, os.RemoveAll(tmp)))
	}
	if err := os.Rename(tmp, final); err != nil {
		return fmt.Errorf("publish cache entry: %w", err)
	}
	return nil
}

func removeLeftovers(parent string) error {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return fmt.Errorf("list cache folder: %w", err)
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), temporary) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(parent, entry.Name())); err != nil {
			return fmt.Errorf("remove leftover of a killed run: %w", err)
		}
	}
	return nil
}

// Entries returns the names of the finished entries of class, in lexical order; none if the class has no folder yet.
func (d Dir) Entries(class string) ([]string, error) {
	entries, err := os.ReadDir(d.Path(class))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list cache folder: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), temporary) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// Prune keeps the newest keep entries of class (by modification time; Touch renews it) and removes the others that were not used
// for the duration idle, so that an entry another process is about to open stays.
func (d Dir) Prune(ctx context.Context, class string, keep int, idle time.Duration) error {
	unlock, err := d.Lock(ctx, class)
	if err != nil {
		return err
	}
	defer unlock()
	return d.prune(class, keep, idle)
}

// Touch marks an entry as used now. It is of no consequence if that fails (a read-only cache): the entry is pruned earlier.
func Touch(path string) {
	now := time.Now()
	_ = os.Chtimes(path, now, now)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Key makes a short name from parts: equal keys mean equal parts, in order.
func Key(parts ...string) string {
	hash := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(hash, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(hash.Sum(nil))[:20]
}
