package inguest

import (
	"context"
	"os/exec"
	"syscall"
)

// enter makes the userland the root of a mount namespace: $0 is a line for bash. Not chroot alone: in a chroot no user namespace can be made.
const enter = `cd ` + base + ` && /bin/busybox mount --move . / && exec /bin/busybox chroot . /usr/bin/env -i ` +
	`PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LOGNAME=root USER=root TERM=dumb HOST=guest ` +
	`/bin/bash -c "cd ` + TreeDir + ` && $0"`

// command is a line for bash in the userland, in the tree's folder, in a session of its own.
func command(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/bin/busybox", "unshare", "-m", "/bin/busybox", "sh", "-c", enter, line)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = afterKill
	return cmd
}
