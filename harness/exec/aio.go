package exec

import (
	"fmt"
	"runtime"
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
	iocbPreadv = 7 // and 8 to write
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
	// reaped: its slot may be used for another of the same name.
	reaped bool
}

// aio is a task's asynchronous I/O context, made at the first submission.
type aio struct {
	ctx      uintptr
	arena    []byte // the control blocks
	requests []*aioRequest
	// ring is the task's io_uring, whose requests stand among the others.
	ring uring
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
	n := a.slot(op.AIO)
	if n >= aioDepth {
		return outcome{errno: "EAGAIN"}
	}
	cb := (*iocb)(unsafe.Pointer(&a.arena[n*64]))
	*cb = iocb{data: uint64(n), opcode: iocbPread, fd: uint32(fd), nbytes: uint64(len(m.bytes)), offset: op.Off,
		buf: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(m.bytes))))}
	if op.Verb == prog.VAIOWrite {
		cb.opcode = iocbPwrite
	}
	var iov []unix.Iovec
	if op.Flags&prog.Vectored != 0 {
		iov = iovecs(pieces(m.bytes, op))
		cb.opcode += iocbPreadv - iocbPread
		cb.buf, cb.nbytes = uint64(uintptr(unsafe.Pointer(unsafe.SliceData(iov)))), uint64(len(iov))
	}
	_, _, errno := unix.Syscall(unix.SYS_IO_SUBMIT, a.ctx, 1, uintptr(unsafe.Pointer(&cb)))
	runtime.KeepAlive(iov)
	if errno != 0 {
		return outcome{errno: errnoName(errno)}
	}
	a.keep(n, &aioRequest{op: op, cb: cb, mem: m})
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
		if errno := t.aio.waitFor(r); errno != 0 && errno != unix.EINTR {
			return outcome{errno: errnoName(errno)}
		}
	}
	if r.res < 0 {
		r.reaped = true
		return outcome{errno: errnoName(unix.Errno(-r.res))}
	}
	r.reaped = true
	out := outcome{n: r.res}
	if r.op.Verb.Reads() {
		out.reads, out.from, out.at = true, r.mem, r.op.Off
	}
	return out
}

// slot is where a request of that name goes: where the last one was, if it has been reaped.
func (a *aio) slot(name string) int {
	for i, r := range a.requests {
		if r.op.AIO == name && r.reaped {
			return i
		}
	}
	return len(a.requests)
}

// keep remembers a request that was submitted, and frees the memory of the one before it in its slot.
func (a *aio) keep(n int, r *aioRequest) {
	if n == len(a.requests) {
		a.requests = append(a.requests, r)
		return
	}
	a.requests[n].mem.free()
	a.requests[n] = r
}

func (a *aio) find(name string) *aioRequest {
	for _, r := range a.requests {
		if r.op.AIO == name {
			return r
		}
	}
	return nil
}

// waitFor takes one completion of what carries the request out.
func (a *aio) waitFor(r *aioRequest) unix.Errno {
	if r.op.Verb.Uring() {
		return a.waitRing()
	}
	return a.wait()
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
