package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// tracefs is where the kernel's trace is found. Where nobody has mounted it, it is mounted in a folder of ours, so that nobody else sees a
// difference.
type tracefs struct {
	root string // "" for the usual place
	own  bool
}

// findTracefs looks in the usual places first. A kernel without tracefs is an error.
func findTracefs() (tracefs, error) {
	for _, usual := range []string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"} {
		if _, err := os.Stat(filepath.Join(usual, "instances")); err == nil {
			return tracefs{root: usual}, nil
		}
	}
	dir, err := os.MkdirTemp("", "iomapcheck-tracefs")
	if err != nil {
		return tracefs{}, fmt.Errorf("make a mount point: %w", err)
	}
	if err := unix.Mount("tracefs", dir, "tracefs", 0, ""); err != nil {
		return tracefs{}, errors.Join(fmt.Errorf("mount tracefs: %w", err), os.Remove(dir))
	}
	return tracefs{root: dir, own: true}, nil
}

// close unmounts what findTracefs has mounted.
func (t tracefs) close() error {
	if !t.own {
		return nil
	}
	if err := unix.Unmount(t.root, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount tracefs: %w", err)
	}
	return os.Remove(t.root)
}
