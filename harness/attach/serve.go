package attach

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/disk"
)

// serving is a disk that serves one client behind a socket pair, which has no handshake to make: the client knows what it is connected to.
type serving struct {
	// theirs is the client's end.
	theirs *os.File
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// serve has the disk serve until stop.
func serve(d *disk.Disk) (*serving, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make socket pair for the disk: %w", err)
	}
	ours := os.NewFile(uintptr(fds[0]), "disk")
	conn, err := net.FileConn(ours) // it has a descriptor of its own
	ours.Close()
	if err != nil {
		unix.Close(fds[1])
		return nil, fmt.Errorf("serve the disk: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &serving{theirs: os.NewFile(uintptr(fds[1]), "disk's client"), cancel: cancel}
	s.done.Go(func() {
		_ = d.Resume(ctx, conn) // it ends with the client, or with stop
	})
	return s, nil
}

// stop ends the connection and waits for its end.
func (s *serving) stop() {
	s.cancel()
	s.done.Wait()
	s.theirs.Close()
}
