package kernel

import (
	"os/exec"

	"golang.org/x/sys/unix"
)

// inOneGroup has the command's whole process group killed where only the command would be, and the command as the thread ends that starts it: the caller
// locks itself to that.
func inOneGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
}
