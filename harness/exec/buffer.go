package exec

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// memory is what an operation has as its buffer.
type memory struct {
	// bytes are what the system call is given: outside Go's heap, page aligned but for a file's mapping.
	bytes []byte
	// usable is how many of them can be touched.
	usable int64
	// own says that the memory was made for the operation alone; otherwise it is the task's mapping of a file.
	own bool
}

// buffer is the memory for the operation: painted for writes and poisoned for reads, but for a mapping, which stays as it is: touching
// it here would fault in what the operation is to fault in.
func (t *task) buffer(op prog.Op) (memory, error) {
	if op.Len == 0 || !op.Verb.Writes() && !op.Verb.Reads() {
		return memory{}, nil
	}
	if op.Buffer.Kind == prog.Via {
		return t.files.via(op), nil
	}
	buf, err := unix.Mmap(-1, 0, int(roundUp(op.Len, pageSize)), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return memory{}, fmt.Errorf("op %s: get memory for a buffer: %w", op, err)
	}
	m := memory{bytes: buf[:op.Len], usable: op.Len, own: true}
	if op.Buffer.Kind == prog.Guarded {
		m.usable = op.Buffer.Usable
	}
	if op.Verb.Writes() {
		prog.Paint(m.bytes[:m.usable], op.Fill, op.Off)
	} else {
		prog.Poison(m.bytes[:m.usable])
	}
	return m, m.guard(op)
}

// guard takes the rights from the pages behind the usable bytes.
func (m memory) guard(op prog.Op) error {
	if m.usable == int64(len(m.bytes)) {
		return nil
	}
	if err := unix.Mprotect(m.bytes[m.usable:cap(m.bytes)], unix.PROT_NONE); err != nil {
		return fmt.Errorf("op %s: guard its buffer: %w", op, err)
	}
	return nil
}

// free gives the memory back, if it was the operation's own.
func (m memory) free() {
	if m.own {
		_ = unix.Munmap(m.bytes[:cap(m.bytes)])
	}
}

// describe tells the first n bytes as content of a file at a position. Bytes that a call says it returned but that it cannot have
// stored, since they are guarded, are of no fill.
//
// What a read put into a mapping is looked at after the read: another task that stores there meanwhile shows in it, and so does
// an eviction, as a page fault. Where the mapping cannot be read, the content is not told.
func (m memory) describe(n, at int64) prog.Content {
	known := min(n, m.usable)
	c := m.read(known, at)
	if known < n {
		c = append(c, prog.Run{Len: n - known, Fill: prog.Garbage, Raw: "guarded"})
	}
	return bounded(c)
}

func (m memory) read(n, at int64) (c prog.Content) {
	if m.own {
		return prog.Describe(m.bytes[:n], at)
	}
	defer func() {
		if fault := recover(); fault != nil {
			_ = faultName(fault, m.bytes) // panics anew where it is none
			c = prog.Content{{Len: n, Fill: prog.Garbage}}
		}
	}()
	return prog.Describe(append([]byte(nil), m.bytes[:n]...), at)
}
