package vm

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/blockdev"
	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/harness/operate"
	"github.com/iomapcheck/iomapcheck/harness/prog"
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
	op := p.Ops[0]
	if op.Verb == prog.VFail && op.Errno == disk.ENOSPC.String() {
		op.Errno = disk.EIO.String() // which is what a guest sees of every error; at the other QEMU would stop the machine
	}
	if err := c.operator().CarryOut(op); err != nil {
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

// operator carries out what the program does to the disk.
func (c *control) operator() operate.Operator {
	return operate.Operator{Disk: c.m.disk, Program: c.program, Size: c.m.disk.Size() - blockdev.FenceSize, Record: c.timeline.record}
}
