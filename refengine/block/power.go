package block

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// power knows what a power cut would leave behind: the durable contents, and after them every change since, in the order in
// which they were carried out. The methods of a nil power do nothing: a disk without EnableCut is durable at once.
//
//	durable ── W1 ── W2 ── W3(FUA) ── W4 ──▶ now
//	                 ▲
//	                 a flush that arrives here makes W1 and W2 durable when it is carried out, and W3 with them
type power struct {
	d          *Disk
	obj        sched.ObjID
	durable    map[int64][]byte // by chunk; a missing chunk is as it is now, or zeros if it changed since
	direct     map[int64]bool   // chunks handed out by DirectAccess
	changes    []change
	carried    int // changes ever made
	generation int // power cuts so far
	off        bool
}

// change is a write that is not durable yet, or not all before it are.
type change struct {
	number int // of all changes, from 1
	fua    bool
	rng    Range
	data   []byte
}

// EnableCut makes the disk remember what is durable, as a disk with a volatile write cache, so that Cut can be used. What is there
// already is durable. It costs two copies of everything written.
func (d *Disk) EnableCut() {
	if d.power != nil {
		return
	}
	d.power = &power{d: d, durable: map[int64][]byte{}, direct: map[int64]bool{}}
	d.power.obj = d.s.NewObj(sched.Label{Class: "disk cache"})
	for c := range d.chunks {
		d.power.keep(c)
	}
}

// keep makes a chunk's present contents durable.
func (p *power) keep(c int64) {
	now := p.d.memory.get(chunkSize)
	p.d.ReadAt(now, c*chunkSize)
	p.durable[c] = now
}

// arrived notes what a request is to be measured by: the changes before it, and whether the power goes before it is carried out.
func (p *power) arrived(r *Request) {
	if p == nil {
		return
	}
	r.generation = p.generation
	if p.off {
		r.generation = -1
	}
	if r.Op == OpFlush {
		p.d.s.Reads(p.obj)
		r.mark = p.carried
	}
}

// refuses returns ESHUTDOWN for a request that the power cut has caught.
func (p *power) refuses(r *Request) errno.Errno {
	if p == nil {
		return errno.OK
	}
	p.d.s.Reads(p.d.obj)
	if r.generation != p.generation {
		return errno.ESHUTDOWN
	}
	return errno.OK
}

// carriedOut notes a write, and makes durable what a flush promises. A flush does not make durable what was written between its
// arrival and its answer, although a real disk may: only the promise counts.
func (p *power) carriedOut(r *Request) {
	switch {
	case p == nil || r.Op == OpRead:
	case r.Op == OpFlush:
		p.d.s.Writes(p.obj)
		p.flushed(r.mark)
	default:
		p.add(r.Data, r.Range, r.FUA)
	}
}

// wrote notes a write that is durable at once.
func (p *power) wrote(data []byte, off int64) {
	if p != nil {
		p.add(data, Range{off, off + int64(len(data))}, true)
	}
}

// mapped notes that a chunk is used as memory.
func (p *power) mapped(c int64) {
	if p != nil {
		p.direct[c] = true
	}
}

func (p *power) add(data []byte, rng Range, fua bool) {
	p.d.s.Writes(p.obj)
	p.carried++
	own := p.d.memory.get(rng.Len())
	copy(own, data)
	p.changes = append(p.changes, change{p.carried, fua, rng, own})
	p.flushed(0)
}

// flushed makes durable every change up to the number mark, and what follows them as far as it is durable by itself.
func (p *power) flushed(mark int) {
	n := 0
	for n < len(p.changes) && (p.changes[n].number <= mark || p.changes[n].fua) {
		p.apply(&p.changes[n])
		n++
	}
	p.changes = append(p.changes[:0], p.changes[n:]...)
}

// apply carries a change out on the durable contents.
func (p *power) apply(c *change) {
	for data, off := c.data, c.rng.Off; len(data) > 0; {
		at := p.durable[off/chunkSize]
		if at == nil {
			at = p.d.memory.get(chunkSize)
			p.d.wipe(at)
			p.durable[off/chunkSize] = at
		}
		n := copy(at[off%chunkSize:], data)
		data, off = data[n:], off+int64(n)
	}
}

// Cut cuts the power; it is a scheduling point. The contents become what was durable: every write that was answered before a flush
// arrived that has been answered with success, every write with FUA that was answered, what WriteAt put there, and pages handed
// out by DirectAccess. Everything else is forgotten, also if it was answered; the ranges forgotten are returned, oldest first.
// Held requests, those in flight and those that come before PowerOn are answered ESHUTDOWN and never carried out; all holds end.
// The disk must have been made volatile by EnableCut.
func (d *Disk) Cut(t *sched.Task) (lost []Range) {
	return d.CutKeeping(t, func(int, int) bool { return false })
}

// CutKeeping is Cut of a disk that had written some of its cache back: keep is asked, oldest first, whether the n-th of all writes that are
// not durable, counted from 0, survives as well. Each survives whole or not at all.
func (d *Disk) CutKeeping(t *sched.Task, keep func(n, of int) bool) (lost []Range) {
	t.Point(sched.Op{Kind: sched.OpStep, Obj: d.obj, Name: "power cut"}, nil)
	p := d.power
	if p == nil {
		panic("block: power cut of a disk without EnableCut")
	}
	p.generation++
	p.off = true
	n, of := 0, p.volatile()
	for i := range p.changes {
		c := &p.changes[i]
		kept := c.fua
		if !kept {
			kept = keep(n, of)
			n++
		}
		if kept {
			p.apply(c)
		} else {
			lost = append(lost, c.rng)
		}
	}
	p.changes = p.changes[:0]
	p.restore()
	if d.record != nil {
		d.record(Event{What: PowerCut, Step: d.s.Steps()})
	}
	d.dropHeld()
	return lost
}

// volatile counts the changes that a power cut may take away.
func (p *power) volatile() int {
	n := 0
	for i := range p.changes {
		if !p.changes[i].fua {
			n++
		}
	}
	return n
}

// Successor returns a disk with the same contents and nothing else: what a machine finds that starts after a power cut. Whatever the old
// machine's tasks still ask, they ask of the old disk.
func (d *Disk) Successor() *Disk {
	next := New(d.s, d.size)
	next.blank = d.blank
	for c, data := range d.chunks {
		d.s.ReadsPart(d.contents, c)
		*next.chunk(c * chunkSize) = *data
	}
	return next
}

// restore makes the contents the durable ones.
func (p *power) restore() {
	t := p.d
	t.s.Writes(p.obj)
	for c, now := range t.chunks {
		if p.direct[c] {
			continue
		}
		t.s.WritesPart(t.contents, c)
		p.d.wipe(now[copy(now[:], p.durable[c]):])
	}
}

// dropHeld answers what is held without carrying it out, and ends all holds.
func (d *Disk) dropHeld() {
	d.StopHolding(0)
	for _, r := range d.held {
		r.err = errno.ESHUTDOWN
		d.emit(Failed, r)
		d.answer(r)
	}
	d.held = nil
	d.heldQ.Wake()
}

// PowerOn lets the disk take requests again after Cut.
func (d *Disk) PowerOn() {
	d.s.Writes(d.obj)
	if d.power != nil {
		d.power.off = false
	}
}
