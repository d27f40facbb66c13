package exec

import (
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/history"
)

// TaskArg as a program's first argument makes it a task process; see TaskMain.
const TaskArg = "--iomapcheck-task"

// taskFD is the task process's end of its socket pair.
const taskFD = 3

// order is what the conductor tells a task process.
type order struct {
	Do string // prepare, go, reply
	// For prepare: the program's text (which is also the reply to how to go on), where its files are, and which task this process is; Single is the number of the
	// one operation that a may-block process runs, -1 for a whole task.
	Program, Root, Task string
	// Cgroup is the folder of the tasks' memory cgroup, "" for none.
	Cgroup string
	Single int
	// Resume is the number of main's first operation.
	Resume int
	// BranchAt is the number of the operation before which main asks how to go on, 0 for none.
	BranchAt int
	// For reply: what the answer is; Stop ends the task, since what it waits for did not come about.
	Error string
	Value bool
	Stop  bool
	// Errno is the kernel's answer to a remount that failed.
	Errno string
}

// report is what a task process tells the conductor.
type report struct {
	Say string // ready, event, ask, ended
	// Task and TID say which thread speaks; a process can have several tasks.
	Task  string
	TID   int
	Event *history.Event
	// For ask: the operation's number.
	Op int
	// For ended: what went wrong in the task process itself, "" for nothing.
	Error string
}

// maxPacket bounds a message, in bytes; contents are cut to stay below it.
const maxPacket = 160 << 10

// link is an end of a SEQPACKET socket pair that carries JSON, one message a packet. Both directions may be used at once, each by one
// goroutine.
type link struct {
	fd  int
	buf []byte
}

func newLink(fd int) *link { return &link{fd: fd, buf: make([]byte, maxPacket)} }

// pair makes a link and the file for the other end, which a child inherits.
func pair() (*link, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make socket pair for a task: %w", err)
	}
	for _, fd := range fds {
		// Room for an event of the largest size, so that reporting does not wait for the reader.
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 4*maxPacket)
	}
	return newLink(fds[0]), os.NewFile(uintptr(fds[1]), "task"), nil
}

func (l *link) send(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	if len(b) > maxPacket {
		return fmt.Errorf("message of %d bytes is larger than %d", len(b), maxPacket)
	}
	for {
		_, err = unix.Write(l.fd, b)
		if err != unix.EINTR {
			return err
		}
	}
}

// receive waits for a message; io.EOF's place is taken by errClosed.
func (l *link) receive(v any) error {
	for {
		n, err := unix.Read(l.fd, l.buf)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return err
		case n == 0:
			return errClosed
		default:
			return json.Unmarshal(l.buf[:n], v)
		}
	}
}

func (l *link) close() { unix.Close(l.fd) }

type closedError struct{}

func (closedError) Error() string { return "the other end is closed" }

var errClosed error = closedError{}

// now is the clock that all tasks share, in nanoseconds.
func now() int64 {
	var ts unix.Timespec
	// CLOCK_MONOTONIC cannot fail with a valid pointer.
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return ts.Nano()
}

// Now is the clock of the histories that this package makes: CLOCK_MONOTONIC in nanoseconds.
func Now() int64 { return now() }
