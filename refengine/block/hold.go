package block

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// HoldID names a hold; 0 is none.
type HoldID int

type hold struct {
	id HoldID
	m  Match
}

// fault fails matching requests.
type fault struct {
	m     Match
	err   errno.Errno
	count int // how many are left to fail, negative for all
}

// Hold stops every matching request that arrives from now on, until it is released or the hold ends. Several holds may
// be in force; the oldest that matches has the request.
func (d *Disk) Hold(m Match) HoldID {
	d.s.Writes(d.obj)
	d.lastHid++
	d.holds = append(d.holds, hold{d.lastHid, m})
	return d.lastHid
}

// StopHolding ends a hold, all of them for 0. What is held stays held.
func (d *Disk) StopHolding(id HoldID) {
	d.s.Writes(d.obj)
	rest := d.holds[:0]
	for _, h := range d.holds {
		if id != 0 && h.id != id {
			rest = append(rest, h)
		}
	}
	d.holds = rest
}

func (d *Disk) holdFor(r *Request) HoldID {
	for _, h := range d.holds {
		if d.matches(h.m, r) {
			return h.id
		}
	}
	return 0
}

// AwaitHeld waits until at least n requests are held, and returns how many are.
func (d *Disk) AwaitHeld(t *sched.Task, n int) int {
	d.heldQ.Wait(t, "await held", func() bool {
		t.Reads(d.obj)
		return len(d.held) >= n
	})
	return len(d.held)
}

// Held returns the requests that are held, oldest first. The caller must not change them.
func (d *Disk) Held() []*Request {
	d.s.Reads(d.obj)
	return append([]*Request(nil), d.held...)
}

// Which selects held requests for Release: see Everything, Oldest, Newest, One and OfHold.
type Which struct {
	all  bool
	n    int // how many, from the old end if positive, from the new end if negative
	id   int
	hold HoldID
}

// Everything releases all held requests, oldest first, and ends all holds.
func Everything() Which { return Which{all: true} }

// Oldest releases the n oldest, in the order of arrival. Holds stay in force. n <= 0 releases none.
func Oldest(n int) Which { return Which{n: max(n, 0)} }

// Newest releases the n newest, the newest first. Holds stay in force. n <= 0 releases none.
func Newest(n int) Which { return Which{n: -max(n, 0)} }

// One releases the request with that ID. Holds stay in force.
func One(id int) Which { return Which{id: id} }

// OfHold releases what that hold has stopped, oldest first, and ends the hold.
func OfHold(id HoldID) Which { return Which{hold: id} }

// Release carries out the selected requests now, in order, and lets their completions run, each in a task of its own. It
// returns them. It is a scheduling point.
func (d *Disk) Release(t *sched.Task, w Which) []*Request {
	t.Point(sched.Op{Kind: sched.OpWake, Obj: d.obj, Name: "release"}, nil)
	if w.all {
		d.StopHolding(0)
	} else if w.hold != 0 {
		d.StopHolding(w.hold)
	}
	chosen := d.choose(w)
	for _, r := range chosen {
		d.emit(Released, r)
		d.carryOut(r)
		d.answer(r)
	}
	return chosen
}

// answer starts the completion of a request that was held.
func (d *Disk) answer(r *Request) {
	d.s.GoAt("disk", sched.Op{Kind: sched.OpFinish, Name: r.Op.String()}, func(t *sched.Task) { d.complete(t, r) })
}

// choose takes the selected requests off the held list, in the order of their release.
func (d *Disk) choose(w Which) []*Request {
	var chosen, rest []*Request
	take := func(i int, r *Request) bool {
		switch {
		case w.id != 0:
			return r.ID == w.id
		case w.hold != 0:
			return r.hold == w.hold
		case w.n > 0:
			return i < w.n
		case w.n < 0:
			return i >= len(d.held)+w.n
		}
		return w.all
	}
	for i, r := range d.held {
		if take(i, r) {
			chosen = append(chosen, r)
		} else {
			rest = append(rest, r)
		}
	}
	if w.n < 0 {
		for i, j := 0, len(chosen)-1; i < j; i, j = i+1, j-1 {
			chosen[i], chosen[j] = chosen[j], chosen[i]
		}
	}
	d.held = rest
	return chosen
}

// Fail answers the next count matching requests with an error instead of carrying them out; count < 0 is all until
// ClearFaults. A held request is failed at its release.
func (d *Disk) Fail(m Match, e errno.Errno, count int) {
	d.s.Writes(d.failing)
	d.faults = append(d.faults, fault{m, e, count})
}

// ClearFaults ends every Fail.
func (d *Disk) ClearFaults() {
	d.s.Writes(d.failing)
	d.faults = nil
}

func (d *Disk) faultFor(r *Request) errno.Errno {
	d.s.Reads(d.failing)
	for i := range d.faults {
		f := &d.faults[i]
		if f.count == 0 || !d.matches(f.m, r) {
			continue
		}
		if f.count > 0 {
			d.s.Writes(d.failing)
			f.count--
		}
		return f.err
	}
	return errno.OK
}
