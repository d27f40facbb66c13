package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A disk with requests held can be continued many times, each time on a disk of its own, if its client is copied while it asks nothing of
// the disk. So the requests have to leave the disk and come back:
//
//	disk A    holds w1 w2 ── Shelve ──▶ both answered ENOSPC, which the client takes as "stop, and ask again once you go on"
//	                  │
//	                  ├── disk B ── Unshelve … a copy of the client asks w1 w2 again ── AwaitBack ──▶ holds w1 w2
//	                  └── disk C ── Unshelve … another copy …
//
// QEMU is such a client: with werror=enospc the machine stops, and what was answered ENOSPC belongs to its virtio-blk device's state
// until it runs again. Reads it would report to the guest: a disk that holds one cannot be shelved.

// Shelved is what a disk was when it was shelved. It does not change, and may be used any number of times, by several goroutines.
type Shelved struct {
	image    *Image
	mark     *Image
	holds    []hold
	lastHold HoldID
	rules    []rule
	held     []*pending // in the order of arrival, without their connection
	lastID   RequestID
	seq      uint64
}

// Len is how many requests are held in it.
func (s *Shelved) Len() int { return len(s.held) }

// Shelve answers every held request ENOSPC, and from then on whatever would change the disk; a flush is answered at once: nothing is
// done by it. It is the end of the disk: only Close may follow. Nothing is recorded any more.
//
// It fails, and changes nothing, where a read is held, requests are delayed, or the disk remembers what is durable.
func (d *Disk) Shelve() (*Shelved, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.shelvableLocked(); err != nil {
		return nil, fmt.Errorf("shelve disk: %w", err)
	}
	s := &Shelved{
		image: d.snapshotLocked(), mark: d.mark, holds: slices.Clone(d.holds), lastHold: d.lastHold, rules: slices.Clone(d.rules),
		lastID: d.lastID, seq: d.seq,
	}
	d.shelved, d.recorder = true, nil
	for _, p := range d.held {
		kept := *p
		kept.conn, kept.handle = nil, 0
		s.held = append(s.held, &kept)
		p.conn.late.add(appendReply(nil, p.handle, ENOSPC))
	}
	d.held = nil
	return s, nil
}

func (d *Disk) shelvableLocked() error {
	switch {
	case d.closed:
		return ErrClosed
	case d.power != nil:
		return errors.New("it remembers what is durable")
	case len(d.delayed) > 0:
		return fmt.Errorf("%d requests are delayed", len(d.delayed))
	}
	for _, p := range d.held {
		if p.Op == OpRead {
			return fmt.Errorf("%v is held, and a read's error reaches the guest", p.Request)
		}
	}
	return nil
}

// answerShelvedLocked answers what a client that is about to stop still asks. d.mu must be held.
func (d *Disk) answerShelvedLocked(p *pending, at time.Time, out []byte) []byte {
	switch p.Op {
	case OpRead:
		return d.readLocked(p, at, appendReply(out, p.handle, 0))
	case OpFlush:
		return appendReply(out, p.handle, 0)
	}
	return appendReply(out, p.handle, ENOSPC)
}

// Unshelve makes a disk that nobody has used the one that was shelved: contents, holds, rules and numbers. What was held is held again as
// the client asks for it again, silently, and with the bytes that it had when it was held first.
func (d *Disk) Unshelve(s *Shelved) error {
	if err := d.Restore(s.image); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mark, d.holds, d.lastHold, d.lastID, d.seq = s.mark, slices.Clone(s.holds), s.lastHold, s.lastID, s.seq
	d.rules = slices.Clone(s.rules)
	d.away = slices.Clone(s.held)
	return nil
}

// returnedLocked takes back a request that was held when the disk was shelved; false for any other. d.mu must be held.
func (d *Disk) returnedLocked(p *pending) bool {
	i := slices.IndexFunc(d.away, func(a *pending) bool { return a.sameAs(p) && bytes.Equal(a.payload, p.payload) })
	if i < 0 {
		// The guest may have changed the bytes since.
		i = slices.IndexFunc(d.away, func(a *pending) bool { return a.sameAs(p) })
	}
	if i < 0 {
		return false
	}
	back := *d.away[i]
	back.conn, back.handle, back.Conn = p.conn, p.handle, p.Conn
	d.away = slices.Delete(d.away, i, i+1)
	d.held = append(d.held, &back)
	slices.SortFunc(d.held, func(a, b *pending) int { return int(int64(a.ID) - int64(b.ID)) })
	close(d.more)
	d.more = make(chan struct{})
	return true
}

// sameAs says whether two requests ask for the same, data aside.
func (p *pending) sameAs(o *pending) bool {
	return p.Op == o.Op && p.Range == o.Range && p.FUA == o.FUA
}

// AwaitBack waits until everything that was held when the disk was shelved is held again. If ctx ends first it says what is missing.
func (d *Disk) AwaitBack(ctx context.Context) error {
	for {
		d.mu.Lock()
		missing, more, closed := requests(d.away), d.more, d.closed
		d.mu.Unlock()
		switch {
		case len(missing) == 0:
			return nil
		case closed:
			return fmt.Errorf("await requests of a shelved disk: %w", ErrClosed)
		}
		select {
		case <-more:
		case <-ctx.Done():
			return fmt.Errorf("await requests of a shelved disk: the client did not ask again for %v: %w", missing, context.Cause(ctx))
		}
	}
}
