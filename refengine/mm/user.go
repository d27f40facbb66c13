package mm

import (
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// Buffer is memory of a program that a system call names: an iov_iter over one segment. It is a value; its parts share the
// memory. Methods with nofault behave as under pagefault_disable: where a page is not present they stop instead of
// faulting it in. Offsets and lengths are in bytes from the buffer's start.
type Buffer struct {
	mem   []byte // anonymous memory; nil for a mapping's
	guard *guard // of anonymous memory whose pages fault, else nil
	vma   *VMA   // file memory, else nil
	pipe  *Pipe  // takes pages of the cache themselves, else nil
	pos   int64  // where the buffer begins: in the file, in the guard's pages, or in the pipe
	n     int64
}

// Plain returns anonymous memory that is present and never faults.
func Plain(p []byte) Buffer { return Buffer{mem: p, n: int64(len(p))} }

// Mapped returns the part [pos, pos+n) of a file mapped into the task's address space.
func Mapped(v *VMA, pos, n int64) Buffer { return Buffer{vma: v, pos: pos, n: n} }

// Len returns the buffer's length in bytes.
func (b Buffer) Len() int64 { return b.n }

// Slice returns the n bytes from off on.
func (b Buffer) Slice(off, n int64) Buffer {
	if b.mem != nil {
		b.mem = b.mem[off : off+n]
	}
	b.pos += off
	b.n = n
	return b
}

// Bytes returns the buffer's memory if it is anonymous, whether present or not, and nil otherwise: for those who check what a
// program reads, not for the kernel's side.
func (b Buffer) Bytes() []byte { return b.mem }

// VMA returns the mapping that the buffer is a part of and where in the file it begins, nil for anonymous memory.
func (b Buffer) VMA() (v *VMA, pos int64) {
	if b.vma == nil {
		return nil, 0
	}
	return b.vma, b.pos
}

// plain says whether no byte of the buffer can fault.
func (b Buffer) plain() bool { return b.vma == nil && b.guard == nil }

// CopyFrom copies from the buffer's bytes at off into dst (copy_from_iter, copy_folio_from_iter_atomic) and returns how many
// were copied: fewer than len(dst) at a page that is not present (nofault), or that cannot be had (EFAULT, SIGBUS). Each page may take
// a step of its own; obj stands for dst in all of them, 0 if dst is nobody else's.
func (b Buffer) CopyFrom(t *sched.Task, off int64, dst []byte, obj sched.ObjID, nofault bool) int64 {
	t.Writes(obj)
	if b.plain() {
		return int64(copy(dst, b.mem[off:]))
	}
	return b.walk(t, off, int64(len(dst)), false, nofault, func(mem []byte, done int64) {
		t.Writes(obj)
		copy(dst[done:], mem)
	})
}

// CopyTo copies src, for which obj stands, to the buffer's bytes from off on (copy_to_iter, copy_folio_to_iter); see CopyFrom.
func (b Buffer) CopyTo(t *sched.Task, off int64, src []byte, obj sched.ObjID, nofault bool) int64 {
	t.Reads(obj)
	if b.plain() {
		return int64(copy(b.mem[off:], src))
	}
	return b.walk(t, off, int64(len(src)), true, nofault, func(mem []byte, done int64) {
		t.Reads(obj)
		copy(mem, src[done:])
	})
}

// Zero fills n bytes from off on with zeros (iov_iter_zero); see CopyFrom.
func (b Buffer) Zero(t *sched.Task, off, n int64, nofault bool) int64 {
	if b.plain() {
		clear(b.mem[off : off+n])
		return n
	}
	return b.walk(t, off, n, true, nofault, func(mem []byte, _ int64) { clear(mem) })
}

// FaultIn makes the pages of [off, off+n) present, for writing if write is set (fault_in_iov_iter_readable, _writeable). It returns
// how many bytes from off on it got to: 0 means EFAULT. Nothing keeps the pages present afterwards.
func (b Buffer) FaultIn(t *sched.Task, off, n int64, write bool) int64 {
	if b.plain() {
		return n
	}
	return b.walk(t, off, n, write, false, func([]byte, int64) {})
}

// walk calls touch with the memory of each page, in a step of its own, once the page table allows it, and returns the
// bytes it got through.
func (b Buffer) walk(t *sched.Task, off, n int64, write, nofault bool, touch func(mem []byte, done int64)) int64 {
	if b.vma != nil {
		return b.vma.walk(t, b.pos+off, n, write, nofault, touch)
	}
	for done := int64(0); done < n; {
		at := off + done
		if !b.guard.access(t, b.pos+at, write, nofault) {
			return done
		}
		end := min(off+n, roundUp(b.pos+at+1, PageSize)-b.pos)
		touch(b.mem[at:end], done)
		done = end - off
	}
	return n
}
