package vm

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// maxUnderWay is how many requests QEMU's NBD client has at a server at a time (MAX_NBD_REQUESTS in block/nbd.c); others wait in QEMU, and what
// they write is still the guest's to change.
const maxUnderWay = 16

// control answers what the guest asks: the operations on the disk, and the time.
type control struct {
	m        *machine
	program  prog.Program
	held     time.Duration
	timeline *timeline
	ctx      context.Context
	cancel   context.CancelFunc
	waits    sync.WaitGroup // answers that take time
	waiting  atomic.Int32   // how many of them
}

func newControl(m *machine, p prog.Program, held time.Duration, t *timeline) *control {
	ctx, cancel := context.WithCancel(context.Background())
	return &control{m: m, program: p, held: held, timeline: t, ctx: ctx, cancel: cancel}
}

// stop ends the waits under way and waits for them.
func (c *control) stop() {
	c.cancel()
	c.waits.Wait()
}

// answer replies to an ask, at once or, for a wait, from a goroutine.
func (c *control) answer(ask wire.Ask) {
	switch ask.Op {
	case wire.Clock:
		c.reply(wire.Answer{ID: ask.ID, Value: c.m.clock()})
		return
	case wire.Requests:
		c.reply(wire.Answer{ID: ask.ID, Value: c.timeline.asked(), Full: len(c.m.disk.Held()) >= maxUnderWay})
		return
	case wire.Heal:
		c.m.heal()
		c.reply(wire.Answer{ID: ask.ID})
		return
	}
	p, err := prog.Parse(ask.Op)
	if err != nil || len(p.Ops) != 1 {
		c.reply(wire.Answer{ID: ask.ID, Error: fmt.Sprintf("the host does not understand %q: %v", ask.Op, err)})
		return
	}
	if op := p.Ops[0]; op.Verb == prog.VAwaitHeld {
		c.waiting.Add(1)
		c.waits.Go(func() {
			defer c.waiting.Add(-1)
			c.reply(c.awaitHeld(ask.ID, op.Count))
		})
		return
	}
	answer := wire.Answer{ID: ask.ID}
	if err := c.carryOut(p.Ops[0]); err != nil {
		answer.Error = err.Error()
	}
	c.reply(answer)
}

// reply sends an answer; a guest that is gone needs none.
func (c *control) reply(a wire.Answer) { _ = c.m.conn.Send(wire.ToGuest{Answer: &a}) }

func (c *control) awaitHeld(id, n int64) wire.Answer {
	ctx, cancel := context.WithTimeout(c.ctx, c.held)
	defer cancel()
	if _, err := c.m.disk.AwaitHeld(ctx, int(n)); err != nil {
		return wire.Answer{ID: id, Error: err.Error(), Missed: true}
	}
	return wire.Answer{ID: id}
}

func (c *control) carryOut(op prog.Op) error {
	d := c.m.disk
	switch op.Verb {
	case prog.VHold:
		d.Hold(c.match(op))
	case prog.VRelease:
		d.Release(which(op))
	case prog.VFail:
		errno, err := disk.ParseErrno(op.Errno)
		if err != nil {
			return err
		}
		if errno == disk.ENOSPC {
			errno = disk.EIO // which is what a guest sees of every error; at this one QEMU would stop the machine
		}
		times := int(op.Count)
		if times == 0 {
			times = -1
		}
		d.Fail(c.match(op), errno, times)
	case prog.VRecord:
		c.timeline.record(op.On)
	default:
		return fmt.Errorf("the disk cannot %s", op)
	}
	return nil
}

func which(op prog.Op) disk.Which {
	switch op.Which {
	case prog.Oldest:
		return disk.Oldest(int(op.Count))
	case prog.Newest:
		return disk.Newest(int(op.Count))
	}
	return disk.All()
}

// match is which requests a hold or fail means.
func (c *control) match(op prog.Op) disk.Match {
	m := disk.Match{Ops: opSet(op.Reqs), Ranges: []disk.Range{{Off: 0, End: c.m.disk.Size() - wire.FenceSize}}}
	if op.File != "" {
		m.Data = target.DataOf(c.program, op.Off, op.Off+op.Len)
	}
	return m
}

func opSet(r prog.Requests) disk.OpSet {
	var set disk.OpSet
	for from, to := range map[prog.Requests]disk.OpSet{prog.Reads: disk.Reads, prog.Writes: disk.Writes, prog.Flushes: disk.Flushes} {
		if r&from != 0 {
			set |= to
		}
	}
	return set
}
