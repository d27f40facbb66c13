package disk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// HoldID names a hold of a disk, from 1.
type HoldID int

// hold is a standing order to keep requests. Disk.mu protects the list of them.
type hold struct {
	id    HoldID
	match Match
}

// Hold keeps every matching request that arrives from now on: it is neither carried out nor answered until it is released. So a
// read meanwhile sees what was there before a held write, and a held read returns what is there at its release. Other
// requests go on. Several holds may exist; the oldest that matches keeps the request.
func (d *Disk) Hold(m Match) HoldID {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lastHold++
	d.holds = append(d.holds, hold{id: d.lastHold, match: m})
	return d.lastHold
}

// StopHolding ends the named holds, all of them if none is named: later requests pass. What they keep stays held until it is
// released.
func (d *Disk) StopHolding(ids ...HoldID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopHoldingLocked(ids)
}

func (d *Disk) stopHoldingLocked(ids []HoldID) {
	d.holds = slices.DeleteFunc(d.holds, func(h hold) bool { return len(ids) == 0 || slices.Contains(ids, h.id) })
}

// holdLocked puts a request among the held. d.mu must be held.
func (d *Disk) holdLocked(p *pending, by HoldID) {
	p.hold = by
	d.held = append(d.held, p)
	d.recordLocked(Event{What: Held, Request: p.Request, Hold: by})
	close(d.more)
	d.more = make(chan struct{})
}

// Held returns the requests that are held, in the order of arrival.
func (d *Disk) Held() []Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return requests(d.held)
}

func requests(list []*pending) []Request {
	out := make([]Request, len(list))
	for i, p := range list {
		out[i] = p.Request
	}
	return out
}

// AwaitHeld waits until at least n requests are held in total and returns all that are, in the order of arrival. If ctx ends
// first, it returns what is held with an error that wraps the context's and says what else was asked meanwhile; if the disk
// is closed, an error that wraps ErrClosed.
func (d *Disk) AwaitHeld(ctx context.Context, n int) ([]Request, error) {
	start := d.lastEvent()
	for {
		held, more, err := d.heldNow()
		if err != nil || len(held) >= n {
			return held, err
		}
		select {
		case <-more:
		case <-ctx.Done():
			return held, fmt.Errorf("await %d held requests: %d held%s: %w", n, len(held), d.askedSince(start), context.Cause(ctx))
		}
	}
}

func (d *Disk) lastEvent() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seq
}

// heldNow returns the held requests and a channel that is closed when there may be more.
func (d *Disk) heldNow() ([]Request, <-chan struct{}, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, nil, fmt.Errorf("await held requests: %w", ErrClosed)
	}
	return requests(d.held), d.more, nil
}

// askedSince tells in words which requests arrived after the event numbered seq, the newest ones if they are many.
func (d *Disk) askedSince(seq uint64) string {
	const most = 16
	d.mu.Lock()
	events := d.ring.since(seq)
	d.mu.Unlock()
	var asked []string
	for _, e := range events {
		if e.What == Arrived {
			asked = append(asked, e.Request.String())
		}
	}
	if len(asked) == 0 {
		return ", and nothing was asked of the disk meanwhile"
	}
	text := fmt.Sprintf(", asked meanwhile (%d): ", len(asked))
	if cut := len(asked) - most; cut > 0 {
		asked, text = asked[cut:], text+"… "
	}
	return text + strings.Join(asked, ", ")
}

// Which chooses among the held requests, and in which order they are released.
type Which struct {
	choose func(held []*pending) []*pending
	// endAll ends every hold; ends ends the one named unless 0.
	endAll bool
	ends   HoldID
}

// All chooses all held requests in the order of arrival, and ends all holds.
func All() Which {
	return Which{choose: slices.Clone[[]*pending], endAll: true}
}

// Oldest chooses the n requests that arrived first, in the order of arrival. Holds go on.
func Oldest(n int) Which {
	return Which{choose: func(held []*pending) []*pending { return slices.Clone(held[:clamp(n, held)]) }}
}

// Newest chooses the n requests that arrived last, the very last one first. Holds go on.
func Newest(n int) Which {
	return Which{choose: func(held []*pending) []*pending {
		chosen := slices.Clone(held[len(held)-clamp(n, held):])
		slices.Reverse(chosen)
		return chosen
	}}
}

// clamp limits n to the number of held requests, and to 0 from below.
func clamp(n int, held []*pending) int { return max(0, min(n, len(held))) }

// One chooses the named requests, in the order named, leaving out those that are not held. Holds go on.
func One(ids ...RequestID) Which {
	return Which{choose: func(held []*pending) []*pending {
		var chosen []*pending
		for _, id := range ids {
			i := slices.IndexFunc(held, func(p *pending) bool { return p.ID == id })
			if i >= 0 && !slices.Contains(chosen, held[i]) {
				chosen = append(chosen, held[i])
			}
		}
		return chosen
	}}
}

// Hold chooses what the named hold keeps, in the order of arrival, and ends that hold.
func Hold(id HoldID) Which {
	return Which{ends: id, choose: func(held []*pending) []*pending {
		return slices.DeleteFunc(slices.Clone(held), func(p *pending) bool { return p.hold != id })
	}}
}

// Release lets the chosen requests go and returns them in the order in which they were carried out, which is the order of the
// choice. When it returns, all of them have been carried out, except for what a Fail or Lose rule forbade; their answers leave
// each connection in the same order, soon after, whether or not the client takes them. A Delay rule does not apply to them.
func (d *Disk) Release(w Which) []Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case w.endAll:
		d.stopHoldingLocked(nil)
	case w.ends != 0:
		d.stopHoldingLocked([]HoldID{w.ends})
	}
	chosen := w.choose(d.held)
	d.held = slices.DeleteFunc(d.held, func(p *pending) bool { return slices.Contains(chosen, p) })
	at := time.Now()
	for _, p := range chosen {
		d.finishLocked(p, at)
	}
	return requests(chosen)
}

// finishLocked carries out a request that was kept and sends its answer. d.mu must be held.
func (d *Disk) finishLocked(p *pending, at time.Time) {
	d.recordLocked(Event{What: Released, Time: at, Request: p.Request, Hold: p.hold})
	p.conn.late.add(d.carryOutLocked(p, at, nil))
}
