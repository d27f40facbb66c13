package fork

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// kindVariable makes the test's binary one of the processes that are copied here.
const kindVariable = "IOMAPCHECK_FORK_TEST"

// The descriptors of such a process: a socket to the test, and a counter by which its first thread wakes its second.
const (
	socketFD  = 3
	counterFD = 4
)

func TestMain(m *testing.M) {
	switch os.Getenv(kindVariable) {
	case "":
		os.Exit(m.Run())
	case "adder":
		adder()
	case "epoll":
		_, _ = unix.EpollCreate1(0)
		adder()
	case "busy":
		b := make([]byte, 8)
		_, _ = unix.Read(socketFD, b)
		_, _ = unix.Write(socketFD, b)
		for i := 0; ; i++ {
			runtime.KeepAlive(i)
		}
	}
}

// adder adds up the numbers that it is sent; a second thread, which it wakes by the counter, sends the sum. It uses nothing of Go's that would open
// further descriptors or wake up by itself.
func adder() {
	debug.SetGCPercent(-1)
	var mu sync.Mutex
	sum := uint64(0)
	go func() {
		runtime.LockOSThread()
		for b := make([]byte, 8); ; {
			if _, err := unix.Read(counterFD, b); err != nil {
				continue
			}
			mu.Lock()
			binary.LittleEndian.PutUint64(b, sum)
			mu.Unlock()
			_, _ = unix.Write(socketFD, b)
		}
	}()
	runtime.LockOSThread()
	for b := make([]byte, 8); ; {
		n, err := unix.Read(socketFD, b)
		if err == unix.EINTR {
			continue
		}
		if n != len(b) {
			os.Exit(0)
		}
		mu.Lock()
		sum += binary.LittleEndian.Uint64(b)
		mu.Unlock()
		binary.LittleEndian.PutUint64(b, 1)
		_, _ = unix.Write(counterFD, b)
	}
}

// pair makes a socket pair whose reads here take no longer than some seconds.
func pair(t *testing.T) (ours int, theirs *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetsockoptTimeval(fds[0], unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[0]) })
	return fds[0], os.NewFile(uintptr(fds[1]), "socket")
}

// start starts a process of the kind; it is killed and reaped in the end, in a way that takes no stop from its tracer.
func start(t *testing.T, kind string) (pid, socket int) {
	t.Helper()
	ours, theirs := pair(t)
	defer theirs.Close()
	counter, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(counter), "counter")
	defer file.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{kindVariable + "=" + kind, "GODEBUG=asyncpreemptoff=1,containermaxprocs=0,updatemaxprocs=0"}
	cmd.ExtraFiles = []*os.File{theirs, file}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid, ours
}

// add sends a number and returns the sum.
func add(t *testing.T, socket int, n uint64) uint64 {
	t.Helper()
	b := binary.LittleEndian.AppendUint64(nil, n)
	if _, err := unix.Write(socket, b); err != nil {
		t.Fatal(err)
	}
	if n, err := unix.Read(socket, b); n != len(b) || err != nil {
		t.Fatalf("no sum: %d bytes, %v", n, err)
	}
	return binary.LittleEndian.Uint64(b)
}

// freeze freezes an adder; a host that forbids it skips the test.
func freeze(t *testing.T, pid int) *Origin {
	t.Helper()
	o, err := Freeze(pid, []int{socketFD})
	if err != nil && strings.Contains(err.Error(), "operation not permitted") {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return o
}

// fork makes a copy that is talked to on the socket.
func fork(t *testing.T, o *Origin) (socket int) {
	t.Helper()
	ours, theirs := pair(t)
	defer theirs.Close()
	pid, err := o.Fork(map[int]*os.File{socketFD: theirs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Kill(pid, unix.SIGKILL)
		_, _ = unix.Wait4(pid, nil, 0, nil)
	})
	return ours
}

func TestCopiesGoOnFromTheSameStateEachForItself(t *testing.T) {
	pid, socket := start(t, "adder")
	if sum := add(t, socket, 7); sum != 7 {
		t.Fatalf("sum %d", sum)
	}
	o := freeze(t, pid)
	first, second := fork(t, o), fork(t, o)
	// In turns: a counter or socket that they shared would wake the wrong one.
	for i := uint64(1); i <= 50; i++ {
		if a, b := add(t, first, 1), add(t, second, 2); a != 7+i || b != 7+2*i {
			t.Fatalf("round %d: sums %d and %d, want %d and %d", i, a, b, 7+i, 7+2*i)
		}
	}
	if third := fork(t, o); add(t, third, 1) != 8 {
		t.Error("a later copy does not begin where the original was stopped")
	}
}

func TestACopyHasEveryThreadOfTheOriginal(t *testing.T) {
	pid, socket := start(t, "adder")
	add(t, socket, 1)
	o := freeze(t, pid)
	_, theirs := pair(t)
	defer theirs.Close()
	copied, err := o.Fork(map[int]*os.File{socketFD: theirs})
	if err != nil {
		t.Fatal(err)
	}
	have, err := threadsOf(copied)
	if err != nil || len(have) != len(o.threads) {
		t.Errorf("%d threads, %v; want %d", len(have), err, len(o.threads))
	}
	if err := unix.Kill(copied, unix.SIGKILL); err != nil {
		t.Error(err)
	}
	_, _ = unix.Wait4(copied, nil, 0, nil)
}

func TestWhatReplacesADescriptorBlocksAsTheOriginalDid(t *testing.T) {
	pid, socket := start(t, "adder")
	add(t, socket, 1)
	o := freeze(t, pid)
	ours, theirs := pair(t)
	defer theirs.Close()
	if err := unix.SetNonblock(int(theirs.Fd()), true); err != nil {
		t.Fatal(err)
	}
	copied, err := o.Fork(map[int]*os.File{socketFD: theirs})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = unix.Kill(copied, unix.SIGKILL)
		_, _ = unix.Wait4(copied, nil, 0, nil)
	}()
	info, err := fdinfo(copied, socketFD)
	if err != nil || strings.HasSuffix(info["flags"], fmt.Sprintf("%o", unix.O_NONBLOCK)) {
		t.Errorf("flags %s, %v; the original's socket blocks", info["flags"], err)
	}
	if sum := add(t, ours, 1); sum != 2 {
		t.Errorf("sum %d", sum)
	}
}

// A copy that has all its threads, traced, when it fails: it can be waited for only after them.
func TestACopyThatIsNotFinishedIsEnded(t *testing.T) {
	pid, socket := start(t, "adder")
	add(t, socket, 1)
	o := freeze(t, pid)
	last := &o.threads[len(o.threads)-1]
	whole := last.xstate
	last.xstate = []byte{0}
	_, theirs := pair(t)
	defer theirs.Close()
	began := time.Now()
	if copied, err := o.Fork(map[int]*os.File{socketFD: theirs}); err == nil || !strings.Contains(err.Error(), "its registers") {
		t.Fatalf("copy %d, %v; want an error", copied, err)
	}
	if took := time.Since(began); took >= workLimit {
		t.Errorf("it took %v and was killed for that", took)
	}
	last.xstate = whole
	if sum := add(t, fork(t, o), 1); sum != 2 {
		t.Errorf("the next copy: sum %d", sum)
	}
}

func TestWhatCannotBeCopiedIsAnErrorThatSaysWhat(t *testing.T) {
	for kind, want := range map[string]string{
		"epoll": "anon_inode:[eventpoll]: nobody can copy that",
		"busy":  "does not come to rest within",
	} {
		pid, socket := start(t, kind)
		add(t, socket, 1)
		o, err := Freeze(pid, []int{socketFD})
		if o != nil {
			o.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) && !strings.Contains(err.Error(), "operation not permitted") {
			t.Errorf("%s: %v, want %q", kind, err, want)
		}
	}
	if _, err := Freeze(1<<22+1, nil); err == nil || !strings.Contains(err.Error(), "freeze process") {
		t.Errorf("a process that is not there: %v", err)
	}
}

func TestNothingOutlivesItsTracer(t *testing.T) {
	pid, socket := start(t, "adder")
	add(t, socket, 1)
	o := freeze(t, pid)
	o.Close()
	o.Close()
	if _, err := o.Fork(nil); err == nil || !strings.Contains(err.Error(), "let go") {
		t.Errorf("a copy of what was let go: %v", err)
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // reaped
	}
	defer unix.Close(fd)
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(10*time.Second/time.Millisecond)); n != 1 {
		t.Errorf("the original lives: %v", err)
	}
}
