package exec

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// outcome is what a system call or memory access came to.
type outcome struct {
	n     int64
	errno string
	// reads says that n bytes were read into from, which stand at the position at in the file.
	reads bool
	from  memory
	at    int64
}

// data carries out one operation on a file and reports it. Buffers are made before the invocation is stamped and contents
// described after the return is, so that the interval holds the kernel's work alone.
func (t *task) data(op prog.Op, n, iter int) error {
	m, err := t.buffer(op)
	if err != nil {
		return err
	}
	call := t.call(op, m)
	t.emit(history.Event{Kind: history.Invoke, Time: now(), Op: n, Iter: iter})
	out := call()
	end := history.Event{Kind: history.Return, Time: now(), Op: n, Iter: iter, N: out.n, Errno: out.errno}
	if out.reads {
		end.Data = out.from.describe(out.n, out.at)
	}
	t.emit(end)
	if !op.Verb.Submits() {
		m.free()
	}
	return nil
}

// maxRuns bounds a reported content.
const maxRuns = 1000

// bounded cuts a content of very many runs, keeping its length.
func bounded(c prog.Content) prog.Content {
	if len(c) <= maxRuns {
		return c
	}
	return append(c[:maxRuns:maxRuns], prog.Run{Len: c[maxRuns:].Len(), Fill: prog.Garbage})
}

// freeBuffer gives back memory that was mapped.
func freeBuffer(buf []byte) {
	if buf != nil {
		_ = unix.Munmap(buf[:cap(buf)])
	}
}

// call is the operation, ready to be carried out.
func (t *task) call(op prog.Op, m memory) func() outcome {
	switch op.Verb {
	case prog.VReap:
		return func() outcome { return t.reap(op) }
	case prog.VStore, prog.VLoad:
		return func() outcome { return t.mapped(op, m) }
	case prog.VReclaim:
		return func() outcome { return reclaim(t.p.spec.Cgroup, op.Len) }
	case prog.VHog:
		return func() outcome { return hog(op.Len) }
	}
	if call := t.spaceCall(op); call != nil {
		return call
	}
	fd, errno := t.files.fd(op)
	if errno != 0 {
		return func() outcome { return outcome{errno: errnoName(errno)} }
	}
	if op.Buffer.Kind == prog.Via && m.bytes == nil {
		return func() outcome { return outcome{errno: errnoName(t.files.noMapping(op.Buffer.File))} }
	}
	if call := t.cacheCall(op, fd); call != nil {
		return call
	}
	if call := t.pathCall(op, fd, m); call != nil {
		return call
	}
	switch op.Verb {
	case prog.VWrite, prog.VDirectWrite:
		return func() outcome { return result(pwrite(fd, m.bytes, op)) }
	case prog.VRead, prog.VDirectRead:
		return func() outcome {
			out := result(pread(fd, m.bytes, op))
			out.reads, out.from, out.at = out.errno == "", m, op.Off
			return out
		}
	case prog.VAIOWrite, prog.VAIORead:
		return func() outcome { return t.submit(op, fd, m) }
	case prog.VUringWrite, prog.VUringRead:
		return func() outcome { return t.submitUring(op, fd, m) }
	case prog.VClone:
		return func() outcome { return t.clone(op, fd) }
	case prog.VAttr:
		return func() outcome { return t.attr(op, fd) }
	case prog.VFsync:
		return func() outcome { return result(0, unix.Fsync(fd)) }
	case prog.VFdatasync:
		return func() outcome { return result(0, unix.Fdatasync(fd)) }
	case prog.VTruncate:
		return func() outcome { return result(0, unix.Ftruncate(fd, op.Len)) }
	case prog.VFallocate:
		return func() outcome { return result(0, unix.Fallocate(fd, fallocMode(op.Mode), op.Off, op.Len)) }
	case prog.VSize:
		return func() outcome {
			var st unix.Stat_t
			err := unix.Fstat(fd, &st)
			return result(int(st.Size), err)
		}
	}
	return func() outcome { return outcome{errno: "ENOSYS"} }
}

func pwrite(fd int, buf []byte, op prog.Op) (int, error) {
	if op.Flags&(prog.NoWait|prog.Vectored) != 0 {
		return unix.Pwritev2(fd, pieces(buf, op), op.Off, callFlags(op))
	}
	return unix.Pwrite(fd, buf, op.Off)
}

func pread(fd int, buf []byte, op prog.Op) (int, error) {
	if op.Flags&(prog.NoWait|prog.Vectored) != 0 {
		return unix.Preadv2(fd, pieces(buf, op), op.Off, callFlags(op))
	}
	return unix.Pread(fd, buf, op.Off)
}

// callFlags are those of preadv2(2) and pwritev2(2).
func callFlags(op prog.Op) int {
	if op.Flags&prog.NoWait != 0 {
		return unix.RWF_NOWAIT
	}
	return 0
}

func result(n int, err error) outcome {
	if err == nil {
		return outcome{n: int64(n)}
	}
	if errno, ok := err.(unix.Errno); ok {
		return outcome{errno: errnoName(errno)}
	}
	return outcome{errno: err.Error()}
}

// errnoName spells an errno; codes that must never reach user space have no name in libc and are spelled here.
func errnoName(e unix.Errno) string {
	if e == unix.EOPNOTSUPP {
		return "EOPNOTSUPP" // and not ENOTSUP, which is the same number on Linux
	}
	if name := unix.ErrnoName(e); name != "" {
		return name
	}
	if name, ok := map[unix.Errno]string{512: "ERESTARTSYS", 513: "ERESTARTNOINTR", 514: "ERESTARTNOHAND", 529: "EIOCBQUEUED"}[e]; ok {
		return name
	}
	return fmt.Sprintf("E%d", int(e))
}

func fallocMode(m prog.FallocMode) uint32 {
	return map[prog.FallocMode]uint32{
		prog.FallocKeep:     unix.FALLOC_FL_KEEP_SIZE,
		prog.FallocPunch:    unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE,
		prog.FallocZero:     unix.FALLOC_FL_ZERO_RANGE,
		prog.FallocCollapse: unix.FALLOC_FL_COLLAPSE_RANGE,
		prog.FallocInsert:   unix.FALLOC_FL_INSERT_RANGE,
		prog.FallocUnshare:  unix.FALLOC_FL_UNSHARE_RANGE,
	}[m]
}

// mapped stores or loads through the mapping. A SIGBUS arrives as a panic that carries the address, because the thread asked
// for it (debug.SetPanicOnFault).
func (t *task) mapped(op prog.Op, buf memory) (out outcome) {
	m := t.files.maps[op.File]
	if m == nil {
		return outcome{errno: errnoName(t.files.noMapping(op.File))}
	}
	defer func() {
		if fault := recover(); fault != nil {
			out = outcome{errno: faultName(fault, m)}
		}
	}()
	part := m[op.Off : op.Off+op.Len]
	if op.Verb == prog.VStore {
		copy(part, buf.bytes)
		return outcome{n: op.Len}
	}
	copy(buf.bytes, part)
	return outcome{n: op.Len, reads: true, from: buf, at: op.Off}
}

// faultName tells a fault inside the mapping (SIGBUS: past the end, or an I/O error) from any other.
func faultName(fault any, m []byte) string {
	if err, ok := fault.(interface {
		runtime.Error
		Addr() uintptr
	}); ok {
		base := uintptr(unsafe.Pointer(unsafe.SliceData(m)))
		if err.Addr() >= base && err.Addr() < base+uintptr(len(m)) {
			return "SIGBUS"
		}
		return "SIGSEGV"
	}
	panic(fault)
}
