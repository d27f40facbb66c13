package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// isolatedFrom in the environment is the mount namespace of the process that started this one.
const isolatedFrom = "IOMAPCHECK_ISOLATED_FROM"

// IsIsolated says whether this process is in a mount namespace that Isolated has made for it.
func IsIsolated() bool {
	from := os.Getenv(isolatedFrom)
	return from != "" && from != mountNamespace()
}

// mountNamespace names this process's, "" where /proc does not tell.
func mountNamespace() string {
	name, _ := os.Readlink("/proc/self/ns/mnt")
	return name
}

// Isolated runs this program again, with its arguments and standard streams, in a mount namespace of its own, and returns its exit code: what
// it mounts nobody else sees, and all of it is gone when it ends, however that comes about. It ends with this process, too.
func Isolated(ctx context.Context) (code int, err error) {
	cmd := osexec.CommandContext(ctx, "/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), isolatedFrom+"="+mountNamespace())
	// Unsharing makes the mounts private: what is mounted here does not propagate.
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	// An interrupt ends it in good order.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	// Pdeathsig is about the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = cmd.Run()
	var ended *osexec.ExitError
	if errors.As(err, &ended) && ended.ExitCode() >= 0 {
		return ended.ExitCode(), nil
	}
	if err != nil {
		return 0, fmt.Errorf("run in a mount namespace of our own: %w", err)
	}
	return 0, nil
}
