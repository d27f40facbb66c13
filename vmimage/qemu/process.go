package qemu

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// process is a running QEMU that cannot outlive us: the kernel kills it when the thread that started it ends, however that comes
// (PR_SET_PDEATHSIG is per thread, see prctl(2)). So the thread that starts it does nothing else than wait for it.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when the process is reaped
	err    error         // what Wait returned; read after exited is closed
}

// startProcess runs path with args; files become descriptors 3, 4, …; stderr gets both of its output streams.
func startProcess(path string, args []string, files []*os.File, stderr *os.File) (*process, error) {
	p := &process{cmd: exec.Command(path, args...), exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.ExtraFiles = stderr, stderr, files
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error, 1)
	go p.run(started)
	return p, <-started
}

// run ends its thread with itself, because it never unlocks it.
func (p *process) run(started chan<- error) {
	runtime.LockOSThread()
	defer close(p.exited)
	err := p.cmd.Start()
	if err == nil {
		// A KVM that does not work makes QEMU abort; that is expected and not worth a core file. Failing to say so costs only that.
		_ = unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_CORE, &unix.Rlimit{}, nil)
	}
	started <- err
	if err == nil {
		p.err = p.cmd.Wait()
	}
}

// kill sends SIGKILL; the process may be gone already.
func (p *process) kill() { _ = p.cmd.Process.Kill() }
