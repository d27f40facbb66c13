package mm

import "github.com/iomapcheck/iomapcheck/refengine/sched"

// Pins are pages of a buffer that stay where they are until Unpin, present in a page table or not (pin_user_pages). The zero
// Pins hold nothing.
type Pins struct {
	segments [][]byte
	folios   []*Folio // one a page, as one pin each; nil for anonymous memory
	write    bool
}

// Segments returns the pinned memory, in order. The bytes are the program's: they can change at any scheduling point.
func (p Pins) Segments() [][]byte { return p.segments }

// Pin pins the pages of [off, off+n), for writing to them if write is set, and returns the bytes pinned from off on (pin_user_pages_fast,
// bio_iov_iter_get_pages): fewer at a page that is not present (nofault) or that cannot be had. 0 means EFAULT.
func (b Buffer) Pin(t *sched.Task, off, n int64, write, nofault bool) (Pins, int64) {
	p := Pins{write: write}
	if b.plain() {
		if n > 0 {
			p.segments = [][]byte{b.mem[off : off+n]}
		}
		return p, n
	}
	var got int64
	if b.vma != nil {
		got = b.vma.pin(t, b.pos+off, n, write, nofault, &p)
	} else {
		got = b.walk(t, off, n, write, nofault, func(mem []byte, _ int64) { p.segments = append(p.segments, mem) })
	}
	return p, got
}

// OfFile says whether the memory is a file's.
func (p Pins) OfFile() bool { return len(p.folios) > 0 }

// Reads declares that the step under way reads the pinned memory, Writes that it changes it: a device does so when it carries a
// request out, which need be in no step of the task that has pinned it.
func (p Pins) Reads(s *sched.Sched) {
	for _, f := range p.folios {
		s.Reads(f.obj)
	}
}

// Writes declares a change; see Reads.
func (p Pins) Writes(s *sched.Sched) {
	for _, f := range p.folios {
		s.Writes(f.obj)
	}
}

// SetDirty marks the pinned pages dirty before a device writes to them (bio_set_pages_dirty): each folio is locked for it.
func (p Pins) SetDirty(t *sched.Task) {
	for _, f := range p.folios {
		f.setDirtyLock(t)
	}
}

// Unpin lets go of the pages (unpin_user_pages). It does not block, so that a completion may call it. Pages that were pinned
// for writing become dirty if writeback has cleaned them since SetDirty (bio_check_pages_dirty).
func (p Pins) Unpin(t *sched.Task) {
	for _, f := range p.folios {
		f.unpin(t, p.write)
	}
}
