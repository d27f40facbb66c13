package exec

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// The numbers of linux/io_uring.h that are needed here.
const (
	uringOffSQ, uringOffCQ, uringOffSQEs = 0, 0x8000000, 0x10000000 // what mmap(2) is asked for
	uringGetEvents                       = 1                        // IORING_ENTER_GETEVENTS
	uringReadv, uringWritev              = 1, 2
	uringRead, uringWrite                = 22, 23
)

// uringParams is struct io_uring_params.
type uringParams struct {
	sqEntries, cqEntries, flags, sqCPU, sqIdle, features, wqFD uint32
	_                                                          [3]uint32
	sq, cq                                                     ringOffsets
}

// ringOffsets is struct io_sqring_offsets, and struct io_cqring_offsets: where things stand in a ring, in bytes from its start. Of the
// submission ring c is the array of indexes, of the completion ring b are the completions.
type ringOffsets struct {
	head, tail, mask, size, a, b, c, _ uint32
	_                                  uint64
}

// uringSQE is struct io_uring_sqe of a read or write.
type uringSQE struct {
	opcode, flags uint8
	ioprio        uint16
	fd            int32
	off, addr     uint64
	len, rwFlags  uint32
	userData      uint64
	_             [3]uint64
}

// uringCQE is struct io_uring_cqe.
type uringCQE struct {
	userData uint64
	res      int32
	flags    uint32
}

// uring is a task's io_uring, made at the first submission. It belongs to the task's thread: the kernel carries out a part of each
// request on its behalf.
type uring struct {
	fd     int
	params uringParams
	sq, cq []byte // the rings, shared with the kernel
	sqes   []byte
}

// uringSetup is io_uring_setup(2).
func uringSetup(entries uint32, p *uringParams) (int, unix.Errno) {
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, uintptr(entries), uintptr(unsafe.Pointer(p)), 0)
	return int(fd), errno
}

// mayUring says why the kernel has no io_uring, if the program needs one.
func (c *conductor) mayUring() error {
	needs := false
	for _, s := range c.present().steps {
		needs = needs || s.Op.Verb.Uring()
	}
	if !needs {
		return nil
	}
	var p uringParams
	fd, errno := uringSetup(1, &p)
	if errno != 0 {
		return &UnsupportedError{fmt.Sprintf("this kernel has no io_uring for us: io_uring_setup: %s (kernel.io_uring_disabled says whether it was switched off)", errnoName(errno))}
	}
	return unix.Close(fd)
}

func (u *uring) setup() unix.Errno {
	if u.sqes != nil {
		return 0
	}
	fd, errno := uringSetup(aioDepth, &u.params)
	if errno != 0 {
		return errno
	}
	u.fd = fd
	for _, m := range []struct {
		to   *[]byte
		from int64
		size uint32
	}{
		{&u.sq, uringOffSQ, u.params.sq.c + 4*u.params.sqEntries},
		{&u.cq, uringOffCQ, u.params.cq.b + uint32(unsafe.Sizeof(uringCQE{}))*u.params.cqEntries},
		{&u.sqes, uringOffSQEs, uint32(unsafe.Sizeof(uringSQE{})) * u.params.sqEntries},
	} {
		mem, err := unix.Mmap(fd, m.from, int(m.size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
		if err != nil {
			return unix.ENOMEM
		}
		*m.to = mem
	}
	return 0
}

// word is a counter that the kernel reads or writes too.
func word(ring []byte, at uint32) *uint32 { return (*uint32)(unsafe.Pointer(&ring[at])) }

// submitUring hands the request to the kernel, which tries it at once and leaves what would have to wait to a worker.
func (t *task) submitUring(op prog.Op, fd int, m memory) outcome {
	u := &t.aio.ring
	if errno := u.setup(); errno != 0 {
		return outcome{errno: errnoName(errno)}
	}
	n := t.aio.slot(op.AIO)
	if n >= aioDepth {
		return outcome{errno: "EAGAIN"}
	}
	r := &aioRequest{op: op, mem: m}
	sqe, keep := uringRequest(op, fd, m)
	sqe.userData = uint64(n)
	errno := u.push(sqe)
	runtime.KeepAlive(keep)
	if errno != 0 {
		return outcome{errno: errnoName(errno)}
	}
	t.aio.keep(n, r)
	return outcome{}
}

// uringRequest is the operation as the kernel wants it, and the iovecs that it points to until it is submitted.
func uringRequest(op prog.Op, fd int, m memory) (uringSQE, []unix.Iovec) {
	sqe := uringSQE{opcode: uringRead, fd: int32(fd), off: uint64(op.Off), len: uint32(len(m.bytes)),
		addr: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(m.bytes))))}
	if op.Verb == prog.VUringWrite {
		sqe.opcode = uringWrite
	}
	if op.Flags&prog.Vectored == 0 {
		return sqe, nil
	}
	iov := iovecs(pieces(m.bytes, op))
	sqe.opcode -= uringRead - uringReadv
	sqe.addr, sqe.len = uint64(uintptr(unsafe.Pointer(unsafe.SliceData(iov)))), uint32(len(iov))
	return sqe, iov
}

// push puts a request into the ring and has the kernel take it.
func (u *uring) push(sqe uringSQE) unix.Errno {
	tail := atomic.LoadUint32(word(u.sq, u.params.sq.tail))
	slot := tail & *word(u.sq, u.params.sq.mask)
	*(*uringSQE)(unsafe.Pointer(&u.sqes[uintptr(slot)*unsafe.Sizeof(sqe)])) = sqe
	*word(u.sq, u.params.sq.c+4*slot) = slot
	atomic.StoreUint32(word(u.sq, u.params.sq.tail), tail+1)
	for {
		switch _, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(u.fd), 1, 0, 0, 0, 0); errno {
		case unix.EINTR:
		default:
			return errno
		}
	}
}

// waitRing takes one completion of the io_uring.
func (a *aio) waitRing() unix.Errno {
	u := &a.ring
	head := word(u.cq, u.params.cq.head)
	for *head == atomic.LoadUint32(word(u.cq, u.params.cq.tail)) {
		if _, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(u.fd), 0, 1, uringGetEvents, 0, 0); errno != 0 {
			return errno
		}
	}
	at := u.params.cq.b + (*head&*word(u.cq, u.params.cq.mask))*uint32(unsafe.Sizeof(uringCQE{}))
	cqe := *(*uringCQE)(unsafe.Pointer(&u.cq[at]))
	atomic.StoreUint32(head, *head+1)
	if cqe.userData >= uint64(len(a.requests)) {
		panic(fmt.Sprintf("the io_uring completed request %d of %d", cqe.userData, len(a.requests)))
	}
	r := a.requests[cqe.userData]
	r.done, r.res = true, int64(cqe.res)
	return 0
}
