package prog

import (
	"fmt"
	"strings"
)

// Buffer is the memory that a read or write names. The zero value is memory of the task's own, all of it present.
type Buffer struct {
	Kind BufferKind
	// File and Off, for Via: the buffer is the task's shared mapping of that file, from that byte on. What a read returns is so
	// written to the mapped file, and a write carries what the mapping holds, which the operation's fill only states. Off is
	// congruent to the operation's own offset modulo Period, so that fills mean the same in both places.
	File string
	Off  int64
	// Usable, for Guarded: how many bytes from its start on can be touched; the pages behind them are PROT_NONE. A multiple of
	// the page size.
	Usable int64
}

// BufferKind says what stands behind a buffer.
type BufferKind uint8

// The kinds of buffers.
const (
	Plain BufferKind = iota
	Via
	Guarded
)

// pageSize is the smallest unit of memory protection, in bytes.
const pageSize = 4 * KiB

// words is the buffer as the text form spells it, nothing for the task's own memory.
func (b Buffer) words() []string {
	switch b.Kind {
	case Via:
		return []string{"via", b.File, FormatSize(b.Off)}
	case Guarded:
		return []string{"guard", FormatSize(b.Usable)}
	}
	return nil
}

// isBufferWord says whether a word begins a buffer.
func isBufferWord(w string) bool { return w == "via" || w == "guard" }

// buffer reads what follows via or guard.
func (r *reader) buffer(op *Op, w string) (err error) {
	if op.Buffer.Kind != Plain {
		return fmt.Errorf("%s: an operation has one buffer", w)
	}
	if w == "guard" {
		op.Buffer.Kind = Guarded
		op.Buffer.Usable, err = ParseSize(r.next())
		return err
	}
	op.Buffer.Kind = Via
	if op.Buffer.File, err = parseName(r.next()); err != nil {
		return err
	}
	op.Buffer.Off, err = ParseSize(r.next())
	return err
}

// buffer checks that the operation's buffer can be made.
func (c *checker) buffer(s Step) {
	op, b := s.Op, s.Op.Buffer
	switch {
	case b.Kind == Plain:
	case !op.Verb.TakesBuffer():
		c.fail(s.N, "%s has no buffer: %s does not go with it", op.Verb, strings.Join(b.words()[:1], ""))
	case b.Kind == Guarded && (b.Usable < 0 || b.Usable >= op.Len || b.Usable%pageSize != 0):
		c.fail(s.N, "guard %s: want a multiple of %s below the length %s: the first byte that cannot be touched",
			FormatSize(b.Usable), FormatSize(pageSize), FormatSize(op.Len))
	case b.Kind == Via && !isName(b.File):
		c.fail(s.N, "via %q: want a file's name", b.File)
	case b.Kind == Via && (b.Off < 0 || b.Off > maxFile || b.Off+op.Len > maxFile):
		c.fail(s.N, "via %s goes beyond %s, the largest file a program may use", b.File, FormatSize(maxFile))
	case b.Kind == Via && (b.Off-op.Off)%Period != 0:
		c.fail(s.N, "via %s %s: bytes of one fill are the same every %s only: want an offset that differs from %s by a multiple of that",
			b.File, FormatSize(b.Off), FormatSize(Period), FormatSize(op.Off))
	}
}

// Via makes the task's mapping of a file, from a byte on, the operation's buffer.
func (op Op) Via(file string, off int64) Op {
	op.Buffer = Buffer{Kind: Via, File: file, Off: off}
	return op
}

// Guard makes the buffer's pages from byte n on untouchable (PROT_NONE).
func (op Op) Guard(n int64) Op {
	op.Buffer = Buffer{Kind: Guarded, Usable: n}
	return op
}
