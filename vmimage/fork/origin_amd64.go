package fork

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Origin is a process that was stopped for good, of which copies can be made. Its methods may be called from any goroutine, one at a time works.
type Origin struct {
	pid   int
	work  chan func() // what the tracing thread is to do: ptrace wants all calls from the one that attached
	ended chan struct{}
	once  sync.Once

	// What follows only the tracing thread touches.
	threads []thread // the main thread first
	syscall uint64   // the address of a syscall instruction: where the main thread sleeps
	scratch uint64   // the address of memory of ours in the process, scratchSize bytes
	fds     []descriptor
	// nonblocking are the replaced descriptors, and whether they do not block.
	nonblocking map[int]bool
	mail        *os.File // our end of a socket by which descriptors get into copies
	inbox       int      // the number of the other end, there
}

// Freeze stops the process, a child of this one, for good, which has to be at rest: every thread asleep in a system call that can be
// begun anew. replaced are the descriptors that every copy will get others for. The process ends with Close, or with this process.
func Freeze(pid int, replaced []int) (*Origin, error) {
	o := &Origin{pid: pid, work: make(chan func()), ended: make(chan struct{})}
	go o.trace()
	err := o.do(func() error { return o.freeze(replaced) })
	if err != nil {
		o.Close()
		return nil, fmt.Errorf("freeze process %d: %w", pid, err)
	}
	return o, nil
}

// trace is the thread that traces. It ends with its goroutine, and with it every tracing that is left.
func (o *Origin) trace() {
	runtime.LockOSThread()
	for {
		select {
		case f := <-o.work:
			f()
		case <-o.ended:
			return
		}
	}
}

// workLimit is how long the tracing thread may take for anything; it takes some ten milliseconds.
const workLimit = 20 * time.Second

// do has the tracing thread do something. If that takes too long the process is killed, which ends every wait for it.
func (o *Origin) do(f func() error) error {
	watch := time.AfterFunc(workLimit, func() { _ = unix.Kill(o.pid, unix.SIGKILL) })
	defer watch.Stop()
	err := make(chan error, 1)
	select {
	case o.work <- func() { err <- f() }:
		return <-err
	case <-o.ended:
		return errors.New("it was let go")
	}
}

// Close kills the process, which its parent can then wait for. Copies are not concerned, unless they ended with it; see Fork.
func (o *Origin) Close() {
	o.once.Do(func() {
		_ = o.do(func() error {
			o.kill()
			return nil
		})
		close(o.ended)
	})
}

// kill ends the process, all of whose threads but the main one are the tracer's to wait for.
func (o *Origin) kill() {
	_ = unix.Kill(o.pid, unix.SIGKILL) // it may be gone
	for _, t := range o.threads {
		if t.tid != o.pid {
			awaitEnd(t.tid)
		}
	}
	if o.mail != nil {
		o.mail.Close()
	}
}

// freeze stops all threads, and prepares the process for being copied.
func (o *Origin) freeze(replaced []int) error {
	if err := o.seizeAll(); err != nil {
		return err
	}
	main := &o.threads[0]
	o.syscall = main.regs.Rip
	if err := o.checkSyscall(); err != nil {
		return err
	}
	if err := o.copyAll(main); err != nil {
		return err
	}
	var err error
	if o.scratch, err = o.call(main.tid, unix.SYS_MMAP, 0, scratchSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0); err != nil {
		return fmt.Errorf("get scratch memory in it: %w", err)
	}
	if err := o.openMail(main.tid); err != nil {
		return err
	}
	if o.nonblocking, err = nonblocking(o.pid, replaced); err != nil {
		return err
	}
	o.fds, err = descriptors(o.pid, append(replaced, o.inbox))
	return err
}

// Fork makes a copy, which runs on from where the original was stopped. with has, for every descriptor that Freeze was told of, the file that the
// copy gets for it; the files stay the caller's. The copy is a child of this process, which has to wait for it, and is killed when the thread ends that
// started the original.
func (o *Origin) Fork(with map[int]*os.File) (pid int, err error) {
	err = o.do(func() error {
		var err error
		pid, err = o.fork(with)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("copy process %d: %w", o.pid, err)
	}
	return pid, nil
}

func (o *Origin) fork(with map[int]*os.File) (int, error) {
	main := o.threads[0].tid
	got, err := o.call(main, unix.SYS_CLONE, unix.CLONE_PARENT|uint64(unix.SIGCHLD), 0, 0, 0, 0)
	if err != nil {
		return 0, err
	}
	pid := int(got)
	if err := o.furnish(pid, with); err != nil {
		end(pid)
		return 0, err
	}
	return pid, nil
}

// end kills a copy that was not finished and that nobody else knows of, and waits for it: for its other threads first, since a process with
// traced threads that were not waited for has not ended.
func end(pid int) {
	tids, _ := threadsOf(pid) // without them there is only the main thread
	_ = unix.Kill(pid, unix.SIGKILL)
	for _, tid := range tids {
		if tid != pid {
			awaitEnd(tid)
		}
	}
	awaitEnd(pid)
}

// furnish makes a whole process of a copy that has one thread and shares all descriptors.
func (o *Origin) furnish(pid int, with map[int]*os.File) error {
	if err := awaitStop(pid); err != nil {
		return fmt.Errorf("await the copy: %w", err)
	}
	if _, err := o.call(pid, unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uint64(unix.SIGKILL)); err != nil {
		return fmt.Errorf("bind the copy to this process: %w", err)
	}
	if err := o.replaceFiles(pid, with); err != nil {
		return err
	}
	tids := []int{pid}
	for range o.threads[1:] {
		tid, err := o.call(pid, unix.SYS_CLONE, threadFlags, o.threads[0].regs.Rsp, 0, 0, 0)
		if err != nil {
			return fmt.Errorf("make thread: %w", err)
		}
		if err := awaitStop(int(tid)); err != nil {
			return fmt.Errorf("await thread: %w", err)
		}
		tids = append(tids, int(tid))
	}
	for i, tid := range tids {
		if err := o.threads[i].impose(tid); err != nil {
			return fmt.Errorf("give thread %d its registers: %w", tid, err)
		}
	}
	for _, tid := range tids {
		if err := unix.PtraceDetach(tid); err != nil {
			return fmt.Errorf("let thread %d go: %w", tid, err)
		}
	}
	return nil
}
