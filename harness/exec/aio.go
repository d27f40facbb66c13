package exec

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// iocb is struct iocb of linux/aio_abi.h on a little-endian machine.
type iocb struct {
	data    uint64
	key     uint32
	rwFlags uint32
	opcode  uint16
	reqprio int16
	fd      uint32
	buf     uint64
	nbytes  uint64
	offset  int64
	_       uint64
	flags   uint32
	resfd   uint32
}

// ioEvent is struct io_event.
type ioEvent struct {
	data, obj uint64
	res, res2 int64
}

// The opcodes of io_submit(2).
const (
	iocbPread  = 0
	iocbPwrite = 1
)

// aioDepth is how many requests a task can have in flight.
const aioDepth = 64

// aioRequest is a request between its submission and its reap.
type aioRequest struct {
	op  prog.Op
	cb  *iocb // in anonymous memory: the kernel knows its address
	mem memory
	// done and res are set once its event was seen.
	done bool
	res  int64
}

// aio is a task's asynchronous I/O context, made at the first submission.
type aio struct {
	ctx      uintptr
	arena    []byte // the control blocks
	requests []*aioRequest
}

func (a *aio) setup() unix.Errno {
	if a.arena != nil {
		return 0
	}
	if _, _, errno := unix.Syscall(unix.SYS_IO_SETUP, aioDepth, uintptr(unsafe.Pointer(&a.ctx)), 0); errno != 0 {
		return errno
	}
	arena, err := unix.Mmap(-1, 0, aioDepth*64, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return unix.ENOMEM
	}
	a.arena = arena
	return 0
}

// submit hands the request to the kernel; a request that fails right away is returned by the submission, as io_submit does.
func (t *task) submit(op prog.Op, fd int, m memory) outcome {
	a := t.aio
	if errno := a.setup(); errno != 0 {
		return outcome{errno: errnoName(errno)}
	}
	n := len(a.requests)
	if n >= aioDepth {
		return outcome{errno: "EAGAIN"}
	}
	cb := (*iocb)(unsafe.Pointer(&a.arena[n*64]))
	*cb = iocb{data: uint64(n), opcode: iocbPread, fd: uint32(fd), nbytes: uint64(len(m.bytes)), offset: op.Off,
		buf: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(m.bytes))))}
	if op.Verb == prog.VAIOWrite {
		cb.opcode = iocbPwrite
	}
	if _, _, errno := unix.Syscall(unix.SYS_IO_SUBMIT, a.ctx, 1, uintptr(unsafe.Pointer(&cb))); errno != 0 {
		return outcome{errno: errnoName(errno)}
	}
	a.requests = append(a.requests, &aioRequest{op: op, cb: cb, mem: m})
	return outcome{}
}

// reap waits for the named request and returns what came of it.
func (t *task) reap(op prog.Op) outcome {
	r := t.aio.find(op.AIO)
	if r == nil {
		// Its submission failed, and said so.
		return outcome{errno: "ENOENT"}
	}
	for !r.done {
		if errno := t.aio.wait(); errno != 0 && errno != unix.EINTR {
			return outcome{errno: errnoName(errno)}
		}
	}
	if r.res < 0 {
		return outcome{errno: errnoName(unix.Errno(-r.res))}
	}
	out := outcome{n: r.res}
	if r.op.Verb == prog.VAIORead {
		out.reads, out.from, out.at = true, r.mem, r.op.Off
	}
	return out
}

func (a *aio) find(name string) *aioRequest {
	for _, r := range a.requests {
		if r.op.AIO == name {
			return r
		}
	}
	return nil
}

// wait takes one completion.
func (a *aio) wait() unix.Errno {
	var ev ioEvent
	n, _, errno := unix.Syscall6(unix.SYS_IO_GETEVENTS, a.ctx, 1, 1, uintptr(unsafe.Pointer(&ev)), 0, 0)
	if errno != 0 {
		return errno
	}
	if n != 1 || ev.data >= uint64(len(a.requests)) {
		panic(fmt.Sprintf("io_getevents returned %d events, the first for request %d of %d", n, ev.data, len(a.requests)))
	}
	r := a.requests[ev.data]
	r.done, r.res = true, ev.res
	return 0
}
