package attach

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/disk"
)

// fuseFile is a file system that is one file: its root is no folder but the file, and it is mounted on a file.
type fuseFile struct {
	dir    string // of ours, with the mount point
	bridge *bridge
	doing  sync.WaitGroup
}

// mountFUSE serves the disk as a file.
func mountFUSE(ctx context.Context, d *disk.Disk) (*fuseFile, error) {
	dev, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &UnavailableError{fmt.Sprintf("the kernel has no FUSE: open /dev/fuse: %v", err)}
	}
	dir, err := os.MkdirTemp("", "iomapcheck-disk")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a mount point: %w", err), unix.Close(dev))
	}
	f := &fuseFile{dir: dir}
	if err := f.mount(ctx, dev, d); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return f, nil
}

func (f *fuseFile) path() string { return filepath.Join(f.dir, "disk") }

// mount mounts the file and serves it; the descriptor is the bridge's then.
func (f *fuseFile) mount(ctx context.Context, dev int, d *disk.Disk) error {
	if err := os.WriteFile(f.path(), nil, 0o600); err != nil {
		return errors.Join(fmt.Errorf("make a mount point: %w", err), unix.Close(dev))
	}
	options := fmt.Sprintf("fd=%d,rootmode=%o,user_id=0,group_id=0", dev, unix.S_IFREG|0o600)
	if err := unix.Mount("iomapcheck", f.path(), "fuse", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		return errors.Join(&UnavailableError{fmt.Sprintf("mount a FUSE file: %v", err)}, unix.Close(dev))
	}
	s, err := serve(d)
	if err != nil {
		return errors.Join(err, unix.Unmount(f.path(), unix.MNT_DETACH), unix.Close(dev))
	}
	f.bridge = &bridge{fuse: dev, size: d.Size(), serving: s, disk: s.theirs, asked: map[uint64]question{}}
	f.doing.Go(f.bridge.requests)
	f.doing.Go(f.bridge.answers)
	return ctx.Err()
}

// close unmounts the file, which ends the bridge.
func (f *fuseFile) close() error {
	err := unix.Unmount(f.path(), 0)
	if err != nil {
		err = fmt.Errorf("unmount %s: %w", f.path(), err)
		_ = unix.Unmount(f.path(), unix.MNT_DETACH) // it goes with its last user
	}
	f.bridge.stop()
	f.doing.Wait()
	return errors.Join(err, unix.Close(f.bridge.fuse), os.RemoveAll(f.dir))
}
