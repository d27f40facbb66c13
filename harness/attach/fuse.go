package attach

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/detached"
	"github.com/iomapcheck/iomapcheck/harness/disk"
)

// fuseFile is a file system that is one file: its root is no folder but the file. It is mounted where nobody sees it.
type fuseFile struct {
	mount  *detached.Mount
	bridge *bridge
	doing  sync.WaitGroup
}

// mountFUSE serves the disk as a file.
func mountFUSE(d *disk.Disk) (*fuseFile, error) {
	dev, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, &UnavailableError{fmt.Sprintf("the kernel has no FUSE: open /dev/fuse: %v", err)}
	}
	options := fmt.Sprintf("fd=%d,rootmode=%o,user_id=0,group_id=0", dev, unix.S_IFREG|0o600)
	m, err := detached.New(detached.Spec{Kind: "fuse", Source: "iomapcheck", Flags: unix.MS_NOSUID | unix.MS_NODEV, Options: options})
	if err != nil {
		return nil, errors.Join(&UnavailableError{err.Error()}, unix.Close(dev))
	}
	s, err := serve(d)
	if err != nil {
		return nil, errors.Join(err, m.Close(), unix.Close(dev))
	}
	f := &fuseFile{mount: m, bridge: &bridge{fuse: dev, size: d.Size(), serving: s, disk: s.theirs, asked: map[uint64]question{}}}
	f.doing.Go(f.bridge.requests)
	f.doing.Go(f.bridge.answers)
	return f, nil
}

// close unmounts the file and ends the bridge: who has the file open still gets errors from then on.
func (f *fuseFile) close() error {
	err := f.mount.Close()
	f.bridge.stop()
	f.doing.Wait()
	return errors.Join(err, unix.Close(f.bridge.fuse))
}
