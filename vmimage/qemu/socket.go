package qemu

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// SocketPair returns the two ends of a stream socket without a name: ours, and theirs for QEMU to inherit (both close-on-exec; the
// process starter hands theirs on). The caller owns both until a Device with theirs is given to Start.
func SocketPair() (ours net.Conn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, &InfraError{Op: "make socket pair", Err: err}
	}
	file := os.NewFile(uintptr(fds[0]), "socketpair")
	defer file.Close()
	theirs = os.NewFile(uintptr(fds[1]), "socketpair")
	ours, err = net.FileConn(file)
	if err != nil {
		theirs.Close()
		return nil, nil, &InfraError{Op: "make socket pair", Err: fmt.Errorf("wrap it: %w", err)}
	}
	return ours, theirs, nil
}
