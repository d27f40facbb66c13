package fork

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What ptrace is told: the processes that a traced one makes are traced from the start, and nothing that is traced outlives us.
const options = unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_EXITKILL

// threadFlags make a thread as pthread_create does, but for what tells the C library of its end: no thread of a copy is waited for.
const threadFlags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD | unix.CLONE_SYSVSEM

const (
	syscallLength = 2       // bytes of the instruction
	scratchSize   = 1 << 12 // bytes
	ntXState      = 0x202   // NT_X86_XSTATE: the floating-point and vector registers, as XSAVE writes them
	maxXState     = 1 << 14 // bytes
	sigsetSize    = 8
)

// thread is what a stopped thread is: what a copy of it has to have.
type thread struct {
	tid    int
	regs   unix.PtraceRegs
	xstate []byte
	mask   uint64 // blocked signals
}

// seizeAll stops every thread at rest, and has what the main thread makes traced from its start.
func (o *Origin) seizeAll() error {
	if err := o.stopAtRest(); err != nil {
		return err
	}
	return unix.PtraceSetOptions(o.pid, options)
}

// How long a process gets to come to rest, and how often it is looked at.
const (
	restLimit = 2 * time.Second
	restPause = time.Millisecond
)

// stopAtRest stops threads again and again until all of them are asleep, and no new ones have come.
func (o *Origin) stopAtRest() error {
	limit := time.Now().Add(restLimit)
	for traced := []int(nil); ; {
		tids, err := o.seize(traced)
		if err == nil {
			err = o.stopAll(tids)
		}
		var busy *busyError
		if !errors.As(err, &busy) {
			return err
		}
		if time.Now().After(limit) {
			return fmt.Errorf("it does not come to rest within %v: %w", restLimit, err)
		}
		for _, tid := range tids {
			if err := unix.PtraceCont(tid, 0); err != nil {
				return fmt.Errorf("let it come to rest: %w", err)
			}
		}
		traced = tids
		time.Sleep(restPause)
	}
}

// seize traces every thread that is not traced yet, and lists all.
func (o *Origin) seize(traced []int) ([]int, error) {
	tids, err := threadsOf(o.pid)
	if err != nil {
		return nil, err
	}
	for _, tid := range tids {
		if slices.Contains(traced, tid) {
			continue
		}
		if err := ptrace(unix.PTRACE_SEIZE, tid, 0, unix.PTRACE_O_EXITKILL); err != nil {
			return nil, fmt.Errorf("trace it: %w", err)
		}
	}
	return tids, nil
}

// stopAll stops threads and captures them; all are stopped also if one is busy.
func (o *Origin) stopAll(tids []int) error {
	for _, tid := range tids {
		if err := ptrace(unix.PTRACE_INTERRUPT, tid, 0, 0); err != nil {
			return fmt.Errorf("stop it: %w", err)
		}
	}
	for _, tid := range tids {
		if err := awaitStop(tid); err != nil {
			return fmt.Errorf("stop it: %w", err)
		}
	}
	o.threads = nil
	for _, tid := range tids {
		t, err := capture(tid)
		if err != nil {
			return err
		}
		o.threads = append(o.threads, t)
	}
	now, err := threadsOf(o.pid)
	if err == nil && !slices.Equal(now, tids) {
		err = &busyError{o.pid, unix.SYS_CLONE, 0}
	}
	return err
}

// busyError says that a thread does not sleep in a system call that can be begun anew.
type busyError struct {
	tid, call int
	result    int64
}

func (e *busyError) Error() string {
	return fmt.Sprintf("thread %d does not sleep in a system call that can be begun anew (call %d, result %d)", e.tid, e.call, e.result)
}

// threadsOf lists the threads of a process, the main one first.
func threadsOf(pid int) ([]int, error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil, fmt.Errorf("list its threads: %w", err)
	}
	tids := []int{pid}
	for _, e := range entries {
		if tid, err := strconv.Atoi(e.Name()); err == nil && tid != pid {
			tids = append(tids, tid)
		}
	}
	slices.Sort(tids[1:])
	return tids, nil
}

// awaitStop waits until a traced thread has stopped.
func awaitStop(tid int) error {
	_, err := await(tid)
	return err
}

// await is awaitStop, and says how the thread stopped.
func await(tid int) (unix.WaitStatus, error) {
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(tid, &status, unix.WALL, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case status.Stopped():
			return status, nil
		default:
			return 0, fmt.Errorf("it ended (%#x)", uint32(status))
		}
	}
}

// awaitEnd waits until a traced thread that was killed has ended.
func awaitEnd(tid int) {
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(tid, &status, unix.WALL, nil)
		if err != nil && err != unix.EINTR || err == nil && (status.Exited() || status.Signaled()) {
			return
		}
	}
}

// capture reads what a stopped thread is. The system call that it was in is set to be begun anew.
func capture(tid int) (thread, error) {
	t := thread{tid: tid, xstate: make([]byte, maxXState)}
	if err := unix.PtraceGetRegs(tid, &t.regs); err != nil {
		return t, fmt.Errorf("read its registers: %w", err)
	}
	if err := t.begin(); err != nil {
		return t, err
	}
	vector := unix.Iovec{Base: &t.xstate[0], Len: maxXState}
	if err := ptrace(unix.PTRACE_GETREGSET, tid, ntXState, uintptr(unsafe.Pointer(&vector))); err != nil {
		return t, fmt.Errorf("read its vector registers: %w", err)
	}
	t.xstate = t.xstate[:vector.Len]
	if err := ptrace(unix.PTRACE_GETSIGMASK, tid, sigsetSize, uintptr(unsafe.Pointer(&t.mask))); err != nil {
		return t, fmt.Errorf("read its signal mask: %w", err)
	}
	return t, nil
}

// begin makes the registers those before the system call: the kernel has noted that a signal interrupted it (ERESTARTSYS and its like, which
// user space never sees), and would begin it anew itself if it were not led somewhere else meanwhile.
func (t *thread) begin() error {
	const restartSys, restartBlock = -512, -516
	result := int64(t.regs.Rax)
	if int64(t.regs.Orig_rax) < 0 || result > restartSys || result < restartBlock {
		return &busyError{t.tid, int(int64(t.regs.Orig_rax)), result}
	}
	t.regs.Rax = t.regs.Orig_rax
	t.regs.Orig_rax = ^uint64(0)
	t.regs.Rip -= syscallLength
	return nil
}

// impose makes a stopped thread what t is.
func (t *thread) impose(tid int) error {
	regs := t.regs
	if err := unix.PtraceSetRegs(tid, &regs); err != nil {
		return err
	}
	vector := unix.Iovec{Base: &t.xstate[0], Len: uint64(len(t.xstate))}
	if err := ptrace(unix.PTRACE_SETREGSET, tid, ntXState, uintptr(unsafe.Pointer(&vector))); err != nil {
		return err
	}
	return ptrace(unix.PTRACE_SETSIGMASK, tid, sigsetSize, uintptr(unsafe.Pointer(&t.mask)))
}

// checkSyscall says whether the instruction is there.
func (o *Origin) checkSyscall() error {
	var code [syscallLength]byte
	if _, err := peek(o.pid, o.syscall, code[:]); err != nil {
		return fmt.Errorf("read its code: %w", err)
	}
	if code != [syscallLength]byte{0x0f, 0x05} {
		return fmt.Errorf("its main thread is not behind a syscall instruction but %x", code)
	}
	return nil
}

// call has a stopped main thread, of the original or a copy, execute a system call.
func (o *Origin) call(tid int, number uint64, args ...uint64) (uint64, error) {
	regs := o.threads[0].regs
	regs.Rip, regs.Rax, regs.Orig_rax = o.syscall, number, ^uint64(0)
	for i, arg := range args {
		*[]*uint64{&regs.Rdi, &regs.Rsi, &regs.Rdx, &regs.R10, &regs.R8, &regs.R9}[i] = arg
	}
	if err := unix.PtraceSetRegs(tid, &regs); err != nil {
		return 0, err
	}
	if err := step(tid); err != nil {
		return 0, err
	}
	if err := unix.PtraceGetRegs(tid, &regs); err != nil {
		return 0, err
	}
	if result := int64(regs.Rax); result < 0 && result > -4096 {
		return 0, unix.Errno(-result)
	}
	return regs.Rax, nil
}

// step has a stopped thread execute one instruction. A system call that makes a process or thread stops on its way once more.
func step(tid int) error {
	for {
		if err := unix.PtraceSingleStep(tid); err != nil {
			return err
		}
		status, err := await(tid)
		if err != nil {
			return err
		}
		if status.StopSignal() != unix.SIGTRAP {
			return fmt.Errorf("it got signal %v", status.StopSignal())
		}
		if uint32(status)>>16 == 0 {
			return nil
		}
	}
}

func ptrace(request, tid int, addr, data uintptr) error {
	if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, uintptr(request), uintptr(tid), addr, data, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// peek and poke read and write the memory of a process.
func peek(pid int, addr uint64, b []byte) (int, error) {
	return unix.ProcessVMReadv(pid, []unix.Iovec{{Base: &b[0], Len: uint64(len(b))}}, []unix.RemoteIovec{{Base: uintptr(addr), Len: len(b)}}, 0)
}

func poke(pid int, addr uint64, b []byte) error {
	n, err := unix.ProcessVMWritev(pid, []unix.Iovec{{Base: &b[0], Len: uint64(len(b))}}, []unix.RemoteIovec{{Base: uintptr(addr), Len: len(b)}}, 0)
	if err == nil && n != len(b) {
		err = fmt.Errorf("%d of %d bytes", n, len(b))
	}
	return err
}

// words encodes numbers as the process has them in memory.
func words(list ...uint64) []byte {
	var b []byte
	for _, w := range list {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}
