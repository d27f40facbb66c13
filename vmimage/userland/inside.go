package userland

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Inside is a command that is run in a whole userland on this machine, as its root, with the machine's /dev and /proc. It has mounts of its
// own, and where we are not root a user namespace of its own, so that nothing of it is left on the machine but the files that it writes.
type Inside struct {
	Root string // from Whole
	// Folder of this machine is at At, a folder that Root has.
	Folder, At string
	Line       string // for sh -c, in At
	Output     io.Writer
}

// script enters the userland: $0 is its root, then what to mount where, and the line. Mounts are not seen outside of the namespace.
const script = `set -e
mount --make-rprivate /
mount --rbind /dev "$0/dev"
mount --rbind /proc "$0/proc"
mount --bind "$1" "$0$2"
exec chroot "$0" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 /bin/sh -c 'cd "$0" && eval "$1"' "$2" "$3"`

// Run runs the command. The error of a command that fails is one line that names it; what it said went to Output.
func (i Inside) Run(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", script, i.Root, i.Folder, i.At, i.Line)
	cmd.Stdout, cmd.Stderr = i.Output, i.Output
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	runtime.LockOSThread() // the command is killed when the thread that started it ends: see prctl(2), PR_SET_PDEATHSIG
	defer runtime.UnlockOSThread()
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("run %q in a userland: %w", i.Line, ctx.Err())
	case errors.Is(err, syscall.EPERM):
		return fmt.Errorf("run %q in a userland: %w: this machine gives ordinary users no user namespaces; run as root", i.Line, err)
	}
	return fmt.Errorf("run %q in a userland: %w", i.Line, err)
}
