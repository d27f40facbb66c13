package block

import (
	"fmt"
	"strings"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// Op is what a request asks of the disk.
type Op uint8

// The operations.
const (
	OpRead Op = iota
	OpWrite
	OpFlush
)

// String returns "read", "write" or "flush".
func (o Op) String() string { return [...]string{"read", "write", "flush"}[o] }

// OpSet is a set of operations.
type OpSet uint8

// The sets that programs name.
const (
	Reads   OpSet = 1 << OpRead
	Writes  OpSet = 1 << OpWrite
	Flushes OpSet = 1 << OpFlush
	All           = Reads | Writes | Flushes
)

// Has says whether the set holds the operation.
func (s OpSet) Has(o Op) bool { return s&(1<<o) != 0 }

// String names the set as programs spell it: "all", "reads", "reads+writes".
func (s OpSet) String() string {
	if s == All {
		return "all"
	}
	var names []string
	for i, n := range [...]string{"reads", "writes", "flushes"} {
		if s.Has(Op(i)) {
			names = append(names, n)
		}
	}
	return strings.Join(names, "+")
}

// Range is a half-open range of bytes on the disk.
type Range struct{ Off, End int64 }

// Len returns the range's length in bytes.
func (r Range) Len() int64 { return r.End - r.Off }

// Overlaps says whether the two ranges share a byte.
func (r Range) Overlaps(o Range) bool { return r.Off < o.End && o.Off < r.End }

// String prints the range as [0x1000, 0x3000).
func (r Range) String() string { return fmt.Sprintf("[%#x, %#x)", r.Off, r.End) }

// Match selects requests.
type Match struct {
	Ops    OpSet
	Ranges []Range // nil is everywhere; flushes have no range and always match
	// Data narrows to the writes whose data, and the reads whose bytes on the disk as they arrive, it says true of; nil means
	// any. It finds a file's data wherever the filesystem has put them. A flush has no data and never matches.
	Data func([]byte) bool
}

// matches says whether a request is meant.
func (d *Disk) matches(m Match, r *Request) bool {
	if !m.covers(r) {
		return false
	}
	if m.Data == nil || r.Op == OpFlush {
		return m.Data == nil
	}
	data := r.Data
	if r.Op == OpRead {
		d.scratch = append(d.scratch[:0], make([]byte, r.Range.Len())...)
		data = d.scratch
		d.ReadAt(data, r.Range.Off)
	}
	return m.Data(data)
}

// covers says whether a request is of the match's operations and place.
func (m Match) covers(r *Request) bool {
	if !m.Ops.Has(r.Op) {
		return false
	}
	if m.Ranges == nil || r.Op == OpFlush {
		return true
	}
	for _, g := range m.Ranges {
		if g.Overlaps(r.Range) {
			return true
		}
	}
	return false
}

// Request is one request to the disk, analogous to Linux's struct bio. The submitter fills the exported fields and does not
// touch the request again before Done is called.
type Request struct {
	Op    Op
	Range Range
	// Data is what a write writes, or where a read puts its bytes; len(Data) is Range.Len(). It is not copied: a submitter whose
	// memory may change while the request is in flight hands over a copy.
	Data []byte
	// Touch, if it is set, is called in the step that carries the request out, to declare whose memory Data is.
	Touch func(*sched.Sched)
	// FUA makes a write durable before it completes (REQ_FUA).
	FUA bool
	// Done is called once, at the request's completion, in a task of its own: analogous to bi_end_io, in interrupt
	// context: it must not block.
	Done func(t *sched.Task, e errno.Errno)

	ID   int    // set at submission; requests of one execution are numbered from 1
	Task string // who submitted it, set at submission

	err  errno.Errno
	hold HoldID // the hold that stopped it, 0 for none
	// generation counts the power cuts before it arrived, and mark the changes: what a flush makes durable.
	generation, mark int
}

// String prints the request for reports: "write [0x1000, 0x2000) of writer".
func (r *Request) String() string {
	if r.Op == OpFlush {
		return fmt.Sprintf("flush of %s", r.Task)
	}
	return fmt.Sprintf("%s %v of %s", r.Op, r.Range, r.Task)
}

// What says what happened to a request.
type What uint8

// What happens to requests.
const (
	Arrived  What = iota
	Held          // a hold stopped it
	Released      // it was held, and is no longer
	Answered      // it was carried out; its completion runs next
	Failed        // it was answered with an error and not carried out
	PowerCut      // Cut was called; it belongs to no request
)

// String returns the word used in histories.
func (w What) String() string {
	return [...]string{"arrived", "held", "released", "answered", "failed", "power-cut"}[w]
}

// Event is one thing that happened to a request.
type Event struct {
	What  What
	ID    int
	Op    Op
	Range Range
	Task  string
	Errno errno.Errno
	Step  int64
}
