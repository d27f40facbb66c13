// Package detached mounts file systems where nobody sees them: a mount that is in no mount namespace (fsmount(2), Linux 5.2), reached by a
// descriptor, is copied by nobody who makes a namespace of his own, so that nobody keeps its device in use, and it is gone with the process that
// made it, however that ends.
package detached

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Mount is a mounted file system, or one that is away for a while. Its methods are called by one goroutine at a time.
type Mount struct {
	what Spec
	fd   int
	// Path is its root, for this process and, as long as that lives, for every other one of the same PID namespace. It stays the same when
	// the file system goes away and comes again.
	Path string
}

// Spec is what is mounted.
type Spec struct {
	// Kind is the type, Source the device, or a name for a file system that has none.
	Kind, Source string
	// Flags are as mount(2) takes them, MS_…, of which those about a single mount are known; Options as it takes them as data.
	Flags   uintptr
	Options string
}

// New mounts. The error wraps the kernel's errno.
func New(what Spec) (*Mount, error) {
	fd, err := what.mount()
	if err != nil {
		return nil, err
	}
	return &Mount{what: what, fd: fd, Path: fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd)}, nil
}

// mount is the descriptor of a new mount.
func (what Spec) mount() (int, error) {
	context, err := unix.Fsopen(what.Kind, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("mount %s: fsopen: %w", what.Kind, err)
	}
	defer unix.Close(context)
	if err := configure(context, what); err != nil {
		return -1, fmt.Errorf("mount %s on a descriptor: %w%s", what.Source, err, said(context))
	}
	fd, err := unix.Fsmount(context, unix.FSMOUNT_CLOEXEC, attributes(what.Flags))
	if err != nil {
		return -1, fmt.Errorf("mount %s on a descriptor: fsmount: %w", what.Source, err)
	}
	return fd, nil
}

// Away gives the mount up, but not its path. The file system is unmounted once nobody has a file of it open: InUse of its device tells. Being
// away already is no error.
func (m *Mount) Away() error {
	null, err := unix.Open(os.DevNull, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("unmount: %w", err)
	}
	defer unix.Close(null)
	// The number stays taken: nobody else's file must appear at the path.
	if err := unix.Dup3(null, m.fd, unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("unmount: %w", err)
	}
	return nil
}

// Again mounts the same anew, from a device that may have another name meanwhile. The error wraps the kernel's errno; then it is still away.
func (m *Mount) Again(source string) error {
	m.what.Source = source
	fd, err := m.what.mount()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Dup3(fd, m.fd, unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("mount %s on a descriptor: %w", source, err)
	}
	return nil
}

// configure says what is to be mounted and how, and makes it.
func configure(context int, what Spec) error {
	options := what.Options
	if err := unix.FsconfigSetString(context, "source", what.Source); err != nil {
		return fmt.Errorf("source: %w", err)
	}
	for flag, name := range map[uintptr]string{unix.MS_SYNCHRONOUS: "sync", unix.MS_DIRSYNC: "dirsync", unix.MS_LAZYTIME: "lazytime", unix.MS_RDONLY: "ro"} {
		if what.Flags&flag != 0 {
			options += "," + name
		}
	}
	for option := range strings.SplitSeq(options, ",") {
		if err := set(context, option); err != nil {
			return fmt.Errorf("option %s: %w", option, err)
		}
	}
	return unix.FsconfigCreate(context)
}

// set sets an option, as in noquota or logbufs=8.
func set(context int, option string) error {
	if option == "" {
		return nil
	}
	if key, value, ok := strings.Cut(option, "="); ok {
		return unix.FsconfigSetString(context, key, value)
	}
	return unix.FsconfigSetFlag(context, option)
}

// attributes are the flags that are a mount's own, as fsmount takes them.
func attributes(flags uintptr) int {
	out := 0
	for flag, attribute := range map[uintptr]int{
		unix.MS_NOATIME: unix.MOUNT_ATTR_NOATIME, unix.MS_STRICTATIME: unix.MOUNT_ATTR_STRICTATIME, unix.MS_NODIRATIME: unix.MOUNT_ATTR_NODIRATIME,
		unix.MS_NOSUID: unix.MOUNT_ATTR_NOSUID, unix.MS_NODEV: unix.MOUNT_ATTR_NODEV, unix.MS_NOEXEC: unix.MOUNT_ATTR_NOEXEC,
	} {
		if flags&flag != 0 {
			out |= attribute
		}
	}
	return out
}

// said is what the kernel has to say of a failure, "" for nothing.
func said(context int) string {
	buf := make([]byte, 4096)
	n, err := unix.Read(context, buf)
	if err != nil || n == 0 {
		return ""
	}
	return " (" + strings.TrimSpace(string(buf[:n])) + ")"
}

// Close is Away for good.
func (m *Mount) Close() error {
	if err := unix.Close(m.fd); err != nil {
		return fmt.Errorf("unmount: %w", err)
	}
	return nil
}

// InUse says whether somebody has a block device for himself, as a mounted file system has.
func InUse(device string) (bool, error) {
	fd, err := unix.Open(device, unix.O_RDONLY|unix.O_EXCL|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.EBUSY):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("see whether %s is in use: %w", device, err)
	}
	return false, unix.Close(fd)
}
