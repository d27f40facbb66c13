package disk

import (
	"fmt"
	"slices"
	"time"
)

// What is the kind of an Event.
type What uint8

// The events. A request has exactly one Arrived, first, and exactly one of Answered, Failed and Dropped, last.
const (
	// Arrived: the request has been read from the connection, a write with its payload.
	Arrived What = iota
	// Held: a hold keeps the request; it is neither carried out nor answered.
	Held
	// Delayed: a rule keeps the request for a time.
	Delayed
	// Released: the hold or the delay is over and the request will be carried out now.
	Released
	// Lost: a Lose rule makes the disk answer success without having written.
	Lost
	// Stale: a Stale rule answers the read with bytes from before.
	Stale
	// Answered: the request has been carried out and its success is about to be sent. It is recorded before the answer leaves,
	// so whatever the answer causes comes after it.
	Answered
	// Failed: the request was not carried out and the error is about to be sent.
	Failed
	// Dropped: the connection ended before the request was answered; it was not carried out.
	Dropped
	// PowerCut: Cut was called. It belongs to no request.
	PowerCut
)

// String returns the event's name in lower case, as in "arrived".
func (w What) String() string {
	names := [...]string{"arrived", "held", "delayed", "released", "lost", "stale", "answered", "failed", "dropped", "power-cut"}
	if int(w) >= len(names) {
		return fmt.Sprintf("what(%d)", uint8(w))
	}
	return names[w]
}

// RequestID names a request; IDs are given in the order of arrival, from 1, and are never reused.
type RequestID uint64

// Request is what a client asked of the disk.
type Request struct {
	ID    RequestID
	Op    Op
	Range Range // empty for a flush
	// FUA asks that the change be durable before it is answered.
	FUA bool
	// Conn is the number of the connection it came by, from 1.
	Conn int
}

// String prints the request as "#7 write [0x0, 0x1000) fua".
func (r Request) String() string {
	text := fmt.Sprintf("#%d %s", r.ID, r.Op)
	if r.Op != OpFlush {
		text += " " + r.Range.String()
	}
	if r.FUA {
		text += " fua"
	}
	return text
}

// Event is one step in the life of a request.
type Event struct {
	// Seq numbers the events of a disk from 1, without gaps.
	Seq uint64
	// Time is when it happened; it has a monotonic reading. A request that is answered at once has one time for both events.
	Time time.Time
	What What
	Request
	// Hold is the hold that keeps the request, for Held and for Released after it.
	Hold HoldID
	// Errno is the error sent, for Failed.
	Errno Errno
}

// String prints the event without its time: "12 held #7 write [0x0, 0x1000)".
func (e Event) String() string {
	text := fmt.Sprintf("%d %s", e.Seq, e.What)
	if e.What != PowerCut {
		text += " " + e.Request.String()
	}
	if e.What == Failed {
		text += " " + e.Errno.String()
	}
	return text
}

// ringSize is the number of events kept: 256 requests that were each held, released and answered.
const ringSize = 4 * 256

// ring keeps the newest events. d.mu protects it.
type ring struct {
	events []Event
	next   int // index of the oldest event once the ring is full
}

func (r *ring) add(e Event) {
	if len(r.events) < ringSize {
		r.events = append(r.events, e)
		return
	}
	r.events[r.next] = e
	r.next = (r.next + 1) % ringSize
}

// since returns the kept events with a number above seq, oldest first.
func (r *ring) since(seq uint64) []Event {
	all := slices.Concat(r.events[r.next:], r.events[:r.next])
	i, _ := slices.BinarySearchFunc(all, seq+1, func(e Event, want uint64) int { return int(int64(e.Seq) - int64(want)) })
	return all[i:]
}

// Record sends every later event to f, in order; nil stops it. f runs under the lock of the disk: it must be quick, must not
// wait, and must not call methods of the disk. When Record returns, the previous f is not running and will not run again.
func (d *Disk) Record(f func(Event)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.recorder = f
}

// Recent returns the newest events, oldest first: at least those of the last 256 requests.
func (d *Disk) Recent() []Event {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ring.since(0)
}

// recordLocked numbers an event, dates it unless it is dated, and hands it out. d.mu must be held.
func (d *Disk) recordLocked(e Event) {
	d.seq++
	e.Seq = d.seq
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	d.ring.add(e)
	if d.recorder != nil {
		d.recorder(e)
	}
}
