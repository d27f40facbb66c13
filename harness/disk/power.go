package disk

import (
	"bytes"
	"errors"
)

// power knows what a power cut would leave behind: the durable contents, and after them every change since, in the order of
// application. d.mu protects it.
//
//	durable ── W1 ── W2 ── W3(FUA) ── W4 ──▶ now
//	                 ▲
//	                 a flush that arrives here and completes later makes W1 and W2 durable, and W3 with them
//
// A cut keeps durable and, in their order, the changes marked durable (W3), and forgets the others.
type power struct {
	durable contents
	changes []change
	// seq numbers the changes: it is the number of the newest one, and what a flush remembers when it arrives.
	seq uint64
}

// change is one answered write, trim or zeroing that is not yet part of the durable contents.
type change struct {
	Request
	seq uint64
	// data is what was written; nil stands for zeroes.
	data []byte
}

// reset makes the contents durable as they are.
func (p *power) reset(now *contents) {
	p.durable = now.share()
	p.changes = nil
}

// add notes a change that has just been applied. It copies data.
func (p *power) add(r Request, data []byte) {
	p.seq++
	p.changes = append(p.changes, change{Request: r, seq: p.seq, data: bytes.Clone(data)})
	p.flushed(0)
}

// flushed makes durable every change up to the number mark, and what follows them as far as it is durable by itself.
func (p *power) flushed(mark uint64) {
	n := 0
	for n < len(p.changes) && (p.changes[n].seq <= mark || p.changes[n].FUA) {
		p.changes[n].apply(&p.durable)
		p.changes[n] = change{}
		n++
	}
	p.changes = p.changes[n:]
}

// cut makes the contents what the power cut leaves, with the changes that keep wants, and returns those that are lost, oldest first.
func (p *power) cut(now *contents, keep func(n, of int) bool) []Request {
	var lost []Request
	n, of := 0, p.volatile()
	for i := range p.changes {
		c := &p.changes[i]
		kept := c.FUA
		if !kept {
			kept = keep(n, of)
			n++
		}
		if kept {
			c.apply(&p.durable)
		} else {
			lost = append(lost, c.Request)
		}
	}
	p.changes = nil
	*now = p.durable.share()
	return lost
}

// volatile counts the changes that a power cut may take away.
func (p *power) volatile() int {
	n := 0
	for i := range p.changes {
		if !p.changes[i].FUA {
			n++
		}
	}
	return n
}

// apply carries the change out on the contents.
func (c *change) apply(to *contents) {
	if c.data == nil {
		to.zeroAt(c.Range)
	} else {
		to.writeAt(c.data, c.Range.Off)
	}
}

// ErrNoCut is returned by Cut for a disk that does not know what is durable.
var ErrNoCut = errors.New("cut disk power: the disk was not told to remember what is durable (EnableCut, TrackPower)")

// TrackPower makes the disk remember from now on what is durable, as EnableCut does from the start: what it holds now is durable. Off
// makes it forget, and frees the memory that this takes.
func (d *Disk) TrackPower(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.power = nil
	if on {
		d.power = new(power)
		d.power.reset(&d.now)
	}
}

// Cut cuts the power. The contents become what was durable:
//   - every change that was answered before a FLUSH arrived, if that FLUSH was answered with success before the cut;
//   - every change made with FUA, if it was answered before the cut;
//   - what Restore and WriteAt put there.
//
// Everything else is forgotten, also if it was answered: those are the requests returned, oldest first. Durable changes apply in
// the order in which they were carried out. A FLUSH does not make durable what was answered between its arrival and its
// answer, although a real disk may: only the promise counts. Held and delayed requests are answered ESHUTDOWN and were never
// carried out, all holds end, and the connections open now get ESHUTDOWN for whatever they ask: a machine has to connect anew
// to see the disk after the cut. Rules stay.
//
// It returns ErrNoCut if the disk does not know what is durable, and ErrClosed if it is closed.
func (d *Disk) Cut() ([]Request, error) {
	return d.CutKeeping(func(int, int) bool { return false })
}

// CutKeeping is Cut of a disk that had written some of its cache back: keep is asked, oldest first, whether the n-th of all changes
// that are not durable, counted from 0, survives as well. Each survives whole or not at all, and those that do apply in their order.
func (d *Disk) CutKeeping(keep func(n, of int) bool) ([]Request, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, ErrClosed
	}
	if d.power == nil {
		return nil, ErrNoCut
	}
	d.shutDownPendingLocked()
	d.holds = nil
	d.generation++
	d.recordLocked(Event{What: PowerCut})
	return d.power.cut(&d.now, keep), nil
}
