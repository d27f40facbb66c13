package ktrace

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// Clean removes the instances and probes that killed processes left behind; those of living Tracers, in any process, stay. Nil
// means that nothing is left over. An empty root is found as Start finds it.
func Clean(root string) error { return clean(files{}, root) }

func clean(fs tree, root string) error {
	root, err := findRoot(fs, root)
	if err != nil {
		return err
	}
	names, err := fs.list(filepath.Join(root, "instances"))
	if err != nil {
		return fmt.Errorf("list trace instances: %w", err)
	}
	var failed []error
	for _, name := range names {
		number, ours := strings.CutPrefix(name, prefix)
		pid, err := strconv.Atoi(number)
		if ours && err == nil {
			failed = append(failed, instance{fs: fs, root: root, pid: pid}.removeIfDead())
		}
	}
	return errors.Join(failed...)
}

// removeIfDead removes the instance unless its owner holds its lock.
func (i instance) removeIfDead() error {
	lock, err := i.fs.lock(i.dir())
	if errors.Is(err, errLocked) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("clean %s: %w", i.dir(), err)
	}
	if err := errors.Join(i.remove(), lock.Close()); err != nil {
		return fmt.Errorf("clean %s: %w", i.dir(), err)
	}
	return nil
}
