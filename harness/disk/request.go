package disk

import (
	"bytes"
	"math"
	"slices"
	"time"
)

// pending is a request on its way through the disk.
type pending struct {
	Request
	conn   *conn
	handle uint64 // the client's name for the request, sent back with the answer
	// payload is what a write writes. It belongs to the connection until keep copies it.
	payload []byte
	// mark is the number of the newest change when the request arrived: what a flush makes durable.
	mark  uint64
	hold  HoldID      // the hold that keeps it, 0 for none
	timer *time.Timer // ends its delay, nil for none
}

// keep returns a copy that may outlive the call that brought the request.
func (p *pending) keep() *pending {
	kept := *p
	kept.payload = bytes.Clone(p.payload)
	return &kept
}

// arrive takes in a request from its connection. It returns out with the answer appended, or out unchanged if the answer will
// come through the connection's queue.
func (d *Disk) arrive(c *conn, h header, payload, out []byte) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := pending{Request: h.request(), conn: c, handle: h.handle, payload: payload}
	p.Conn = c.number
	if d.power != nil {
		p.mark = d.power.seq
	}
	at := time.Now()
	if d.shelved {
		return d.answerShelvedLocked(&p, at, out)
	}
	if len(d.away) > 0 && d.returnedLocked(&p) {
		return out
	}
	d.lastID++
	p.ID = d.lastID
	d.recordLocked(Event{What: Arrived, Time: at, Request: p.Request})
	if errno := d.refuse(c, h); errno != 0 {
		return d.failLocked(&p, errno, at, out)
	}
	if d.keepLocked(&p) {
		return out
	}
	return d.carryOutLocked(&p, at, out)
}

// refuse returns the error of a request that is not even looked at by holds and rules, 0 if there is none. d.mu must be held.
func (d *Disk) refuse(c *conn, h header) Errno {
	if d.closed || c.generation != d.generation {
		return ESHUTDOWN
	}
	return h.check(d.size)
}

// keepLocked puts the request aside if a hold or a Delay rule wants it. d.mu must be held.
func (d *Disk) keepLocked(p *pending) bool {
	for _, h := range d.holds {
		if d.matches(h.match, p) {
			d.holdLocked(p.keep(), h.id)
			return true
		}
	}
	if r := d.takeRuleLocked(ruleDelay, p); r != nil {
		d.delayLocked(p.keep(), r.delay)
		return true
	}
	return false
}

// carryOutLocked does what the request asks, as far as the rules let it, and returns out with the answer appended. d.mu must be
// held.
func (d *Disk) carryOutLocked(p *pending, at time.Time, out []byte) []byte {
	if r := d.takeRuleLocked(ruleFail, p); r != nil {
		return d.failLocked(p, r.errno, at, out)
	}
	out = appendReply(out, p.handle, 0)
	switch {
	case p.Op == OpRead:
		out = d.readLocked(p, at, out)
	case d.takeRuleLocked(ruleLose, p) != nil:
		d.recordLocked(Event{What: Lost, Time: at, Request: p.Request})
	case p.Op == OpFlush:
		if d.power != nil {
			d.power.flushed(p.mark)
		}
	default:
		d.changeLocked(p)
	}
	d.recordLocked(Event{What: Answered, Time: at, Request: p.Request})
	return out
}

// readLocked appends the bytes of the request's range to out. d.mu must be held.
func (d *Disk) readLocked(p *pending, at time.Time, out []byte) []byte {
	from := &d.now
	if d.takeRuleLocked(ruleStale, p) != nil {
		from = &d.mark.contents
		d.recordLocked(Event{What: Stale, Time: at, Request: p.Request})
	}
	n := int(p.Range.Len())
	out = slices.Grow(out, n)
	from.readAt(out[len(out):len(out)+n], p.Range.Off)
	return out[:len(out)+n]
}

// changeLocked applies a write, trim or zeroing. d.mu must be held.
func (d *Disk) changeLocked(p *pending) {
	var data []byte // stays nil for zeroes
	if p.Op == OpWrite {
		data = p.payload
		d.now.writeAt(data, p.Range.Off)
	} else {
		d.now.zeroAt(p.Range)
	}
	if d.power != nil {
		d.power.add(p.Request, data)
	}
}

// failLocked returns out with an answer that bears the error. d.mu must be held.
func (d *Disk) failLocked(p *pending, errno Errno, at time.Time, out []byte) []byte {
	d.recordLocked(Event{What: Failed, Time: at, Request: p.Request, Errno: errno})
	return appendReply(out, p.handle, errno)
}

// shutDownPendingLocked answers every held and delayed request ESHUTDOWN, in the order of arrival. d.mu must be held.
func (d *Disk) shutDownPendingLocked() {
	at := time.Now()
	for _, p := range d.takePendingLocked(func(*pending) bool { return true }) {
		p.conn.late.add(d.failLocked(p, ESHUTDOWN, at, nil))
	}
}

// dropPendingLocked forgets what is held and delayed for a connection that has ended. d.mu must be held.
func (d *Disk) dropPendingLocked(c *conn) {
	for _, p := range d.takePendingLocked(func(p *pending) bool { return p.conn == c }) {
		d.recordLocked(Event{What: Dropped, Request: p.Request})
	}
}

// takePendingLocked removes the chosen requests from those held and delayed and returns them in the order of arrival. d.mu must
// be held.
func (d *Disk) takePendingLocked(chosen func(*pending) bool) []*pending {
	var taken []*pending
	d.held = slices.DeleteFunc(d.held, func(p *pending) bool {
		if !chosen(p) {
			return false
		}
		taken = append(taken, p)
		return true
	})
	for _, p := range d.delayed {
		if chosen(p) {
			d.undelayLocked(p)
			taken = append(taken, p)
		}
	}
	slices.SortFunc(taken, func(a, b *pending) int { return int(int64(a.ID) - int64(b.ID)) })
	return taken
}

// rangeOf returns the range of a request, cut off where int64 ends: such a request is refused, but its event is printed.
func rangeOf(off uint64, length uint32) Range {
	start := min(off, math.MaxInt64)
	return Range{Off: int64(start), End: int64(min(start+uint64(length), math.MaxInt64))}
}
