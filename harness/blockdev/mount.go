package blockdev

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// UnsupportedError says that this kernel or machine cannot have the file system.
type UnsupportedError struct {
	Reason string
	// Tool is the command that is not there, where it is that.
	Tool string
}

func (e *UnsupportedError) Error() string { return e.Reason }

// Known says whether the kernel has a file system of that type, built in or loaded.
func Known(kind string) bool {
	list, err := os.ReadFile("/proc/filesystems")
	return err == nil && strings.Contains("\n"+string(list), "\t"+kind+"\n")
}

// Mount is what mount(2) takes.
type Mount struct {
	Device, At, Type string
	Flags            uintptr
	Options          string
}

// Mount mounts the device. The error wraps the kernel's errno.
func (m Mount) Mount() error {
	if err := unix.Mount(m.Device, m.At, m.Type, m.Flags, m.Options); err != nil {
		return fmt.Errorf("mount %s on %s: %w", m.Device, m.At, err)
	}
	return nil
}

// Refused is the *UnsupportedError of a mount that the kernel refused for what mkfs made, or for its options: then it is the variant that
// it does not support. It is nil for any other error.
func (m Mount) Refused(err error) error {
	// ENOSYS: blocks larger than pages. ESRCH: the kernel lacks the format of the quotas.
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ESRCH) {
		return &UnsupportedError{Reason: fmt.Sprintf("this kernel refuses to mount %s with options %q: %v", m.Type, m.Options, err)}
	}
	return nil
}

// Remount unmounts and mounts again. An error that wraps an errno is the kernel's answer to the mount; any other is a fault of ours.
func (m Mount) Remount() error {
	// Nothing is mounted after a remount that failed: EINVAL.
	if err := unix.Unmount(m.At, 0); err != nil && err != unix.EINVAL {
		// Not wrapped: a file system that is busy is so because of a file of ours.
		return fmt.Errorf("unmount: %v", err)
	}
	return m.Mount()
}

// oneLine is how much of a tool's output OneLine keeps at each end, in bytes.
const oneLine = 250

// OneLine folds a tool's output into one line. Of much of it the ends are kept: some tools say last why they failed, others (mkfs.xfs) first, and then
// how they are used.
func OneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 2*oneLine {
		s = s[:oneLine] + " … " + s[len(s)-oneLine:]
	}
	return s
}
