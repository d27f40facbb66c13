package disk

import "fmt"

// Range is a half-open range of bytes of the disk.
type Range struct {
	// Off is the first byte, in bytes from the start of the disk.
	Off int64
	// End is the byte after the last one; End >= Off.
	End int64
}

// Len returns the number of bytes in the range.
func (r Range) Len() int64 { return r.End - r.Off }

// Overlaps reports whether the two ranges share a byte; an empty range shares none.
func (r Range) Overlaps(o Range) bool { return max(r.Off, o.Off) < min(r.End, o.End) }

// String prints the range as [0x1000, 0x3000).
func (r Range) String() string { return fmt.Sprintf("[%#x, %#x)", r.Off, r.End) }

// Match says which requests a hold or a rule is about.
type Match struct {
	// Ops are the operations it is about; the empty set matches nothing.
	Ops OpSet
	// Ranges narrows reads, writes, trims and zeroes to those that overlap one of them; nil means everywhere. A flush has no
	// range: it matches whenever Ops has it.
	Ranges []Range
	// Data narrows to the writes whose payload, and the reads whose bytes on the disk as they arrive, it says true of; nil means any.
	// It finds a file's data wherever the file system has put them. It must be quick and must not call the disk: the disk waits
	// for it. Requests without data (flush, trim, zero) never match a Match with Data.
	Data func(data []byte) bool
}

// matches reports whether the request is meant. d.mu must be held.
func (d *Disk) matches(m Match, p *pending) bool {
	return m.covers(p.Op, p.Range) && (m.Data == nil || m.Data(d.dataOf(p)))
}

// dataOf returns the data that the request carries or asks for, nothing for one without.
func (d *Disk) dataOf(p *pending) []byte {
	switch p.Op {
	case OpWrite:
		return p.payload
	case OpRead:
		data := make([]byte, p.Range.Len())
		d.now.readAt(data, p.Range.Off)
		return data
	}
	return nil
}

// covers reports whether a request of this kind and place is meant.
func (m Match) covers(op Op, at Range) bool {
	if !m.Ops.Has(op) {
		return false
	}
	if op == OpFlush || m.Ranges == nil {
		return true
	}
	for _, r := range m.Ranges {
		if r.Overlaps(at) {
			return true
		}
	}
	return false
}

// String prints the match as "writes" or "writes in [0x0, 0x1000) [0x8000, 0x9000)".
func (m Match) String() string {
	text := m.Ops.String()
	if m.Ranges != nil {
		text += " in"
	}
	for _, r := range m.Ranges {
		text += " " + r.String()
	}
	if m.Data != nil {
		text += " with certain data"
	}
	return text
}
