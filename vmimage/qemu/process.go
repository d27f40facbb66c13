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
	handle *os.Process
	exited chan struct{} // closed when the process is reaped
	// What follows is read after exited is closed.
	err   error // what Wait returned
	state *os.ProcessState
}

// startProcess runs path with args; files become descriptors 3, 4, …; stderr gets both of its output streams.
func startProcess(path string, args []string, files []*os.File, stderr *os.File) (*process, error) {
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = stderr, stderr, files
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	p := &process{exited: make(chan struct{})}
	started := make(chan error, 1)
	go p.run(cmd, started)
	return p, <-started
}

// run ends its thread with itself, because it never unlocks it.
func (p *process) run(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer close(p.exited)
	err := cmd.Start()
	if err == nil {
		p.handle = cmd.Process
		// A KVM that does not work makes QEMU abort; that is expected and not worth a core file. Failing to say so costs only that.
		_ = unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_CORE, &unix.Rlimit{}, nil)
	}
	started <- err
	if err == nil {
		awaitExit(cmd.Process.Pid)
		p.err = cmd.Wait()
		p.state = cmd.ProcessState
	}
}

// awaitExit waits until a child has ended, which remains to be reaped. Waiting for it as one does would, once it is traced (fork.Freeze), take
// what its tracer waits for: to the parent that traces it a stop is news like its end.
func awaitExit(pid int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // Linux before 5.3, which has no PIDFD_GETFD either: it is never traced
	}
	defer unix.Close(fd)
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if err != unix.EINTR {
			return
		}
	}
}

// adopt is the process of a copy, which is our child as well.
func adopt(pid int) (*process, error) {
	handle, err := os.FindProcess(pid)
	if err != nil {
		return nil, err
	}
	p := &process{handle: handle, exited: make(chan struct{})}
	go func() {
		defer close(p.exited)
		awaitExit(pid)
		p.state, p.err = handle.Wait()
	}()
	return p, nil
}

// kill sends SIGKILL; the process may be gone already.
func (p *process) kill() { _ = p.handle.Kill() }
