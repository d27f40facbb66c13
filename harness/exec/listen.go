package exec

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// listen takes the reports of a task process until it closes its link, which it does by ending.
func (c *conductor) listen(first *proc) {
	for {
		var r report
		err := first.link.receive(&r)
		if err != nil {
			c.processEnded(first, err)
			return
		}
		p := c.proc(r.Task)
		switch r.Say {
		case "ready":
			c.isReady(p, r.TID)
		case "event":
			c.emit(p, *r.Event)
		case "ask":
			// Answered on a goroutine of its own: another thread of the process may ask meanwhile.
			c.wg.Add(1)
			go func() {
				defer c.wg.Done()
				c.answer(p, r.Op)
			}()
		case "ended":
			if r.Error != "" {
				c.cancel(errors.New(r.Error))
			}
			close(p.ended)
		}
	}
}

// processEnded treats the end of a process: every task of it that had not said so was killed, for want of memory, which the
// cgroup counts, or by a kernel that oopsed under it.
func (c *conductor) processEnded(first *proc, err error) {
	oom := c.cutShort(first) && c.wasOOM()
	for _, p := range c.all() {
		if p.link != first.link {
			continue
		}
		select {
		case <-p.ended:
		default:
			switch {
			case oom:
				c.taskKilled(p)
			case c.isRunning(p):
				c.emit(p, history.Event{Kind: history.Note, Time: now(), Task: p.task, Op: -1, Name: "task-died", Text: err.Error()})
			}
			close(p.ended)
		}
	}
}

// cutShort says whether a task of the process had not said that it has ended.
func (c *conductor) cutShort(first *proc) bool {
	for _, p := range c.all() {
		if p.link == first.link && !c.hasEnded(p.key) {
			return true
		}
	}
	return false
}

func (c *conductor) isReady(p *proc, tid int) {
	c.mu.Lock()
	p.tid = tid
	c.mu.Unlock()
	c.emit(p, history.Event{Kind: history.Note, Time: now(), Task: p.task, Op: -1, Name: "thread", N: int64(tid)})
	close(p.ready)
}

// emit passes an event on and keeps what operation the task is in.
func (c *conductor) emit(p *proc, e history.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e.Kind {
	case history.Invoke:
		c.ops[p.key] = openOp{event: e, open: true}
	case history.Return:
		c.ops[p.key] = openOp{event: e}
	}
	if !c.over {
		c.env.Emit(e)
	}
}

// answer carries out what a task asks for and replies.
func (c *conductor) answer(p *proc, n int) {
	reply := order{Do: "reply", Task: p.key}
	var err error
	if n == askBranch {
		reply.Program, err = c.branch(c.ctx)
	} else {
		reply.Value, err = c.request(n)
	}
	var missed *NotProvokedError
	if errors.As(err, &missed) {
		c.emit(p, history.Event{Kind: history.Note, Time: now(), Task: p.task, Op: n, Name: NotProvoked, Text: missed.Why})
		reply.Stop = true
	} else if errno, ok := remountErrno(c, n, err); ok {
		reply.Errno = errno
	} else if err != nil {
		reply.Error = err.Error()
	}
	// A link that is closed belongs to a process that is gone: its reader says so.
	_ = p.link.send(reply)
}

// remountErrno is the kernel's answer where what failed is a remount.
func remountErrno(c *conductor, n int, err error) (string, bool) {
	var errno unix.Errno
	remount := n == askRemount || n >= 0 && c.step(n).Op.Verb == prog.VRemount
	if !remount || !errors.As(err, &errno) {
		return "", false
	}
	return errnoName(errno), true
}

// request does what a task asks for: the operation with that number, or for the final reads one of the steps between them.
func (c *conductor) request(n int) (bool, error) {
	switch n {
	case askDropCaches:
		return false, DropCaches()
	case askRemount:
		return false, c.env.Remount()
	}
	return c.carryOut(c.ctx, c.step(n))
}

// carryOut does an operation of the harness's own. The bool answers until: whether the watched task has ended.
func (c *conductor) carryOut(ctx context.Context, s prog.Step) (bool, error) {
	switch op := s.Op; op.Verb {
	case prog.VHold:
		return false, c.env.Disk.Hold(ctx, op)
	case prog.VAwaitHeld:
		return false, c.env.Disk.AwaitHeld(ctx, op.Count)
	case prog.VRelease:
		return false, c.env.Disk.Release(ctx, op)
	case prog.VFail:
		return false, c.env.Disk.Fail(ctx, op)
	case prog.VRecord:
		return false, c.env.Disk.Record(ctx, op.On)
	case prog.VMemoryHigh, prog.VMemoryMax:
		return false, c.limit(op)
	case prog.VGo:
		return false, c.letGo(ctx, op.Task)
	case prog.VJoin:
		return false, c.wait(ctx, op.Task)
	case prog.VUntil:
		return c.endedSoon(ctx, op.Task), nil
	case prog.VAwaitBlocked:
		return false, c.awaitBlocked(ctx, op.Task, op.In)
	case prog.VDropCaches:
		return false, DropCaches()
	case prog.VRemount:
		return false, c.env.Remount()
	case prog.VCut:
		return false, errors.Join(c.reportMemory(), c.env.Cut(ctx, op))
	}
	return false, c.mayBlock(ctx, s)
}

func (c *conductor) hasEnded(key string) bool {
	p := c.proc(key)
	if p == nil {
		return false
	}
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// mayBlock starts an operation in its process and returns when it has ended or is seen asleep.
func (c *conductor) mayBlock(ctx context.Context, s prog.Step) error {
	key := opKey(s.N)
	if err := c.letGo(ctx, key); err != nil {
		return err
	}
	_, err := c.endedOrBlocked(ctx, c.proc(key), nil)
	return err
}

// awaitBlocked waits until the task sleeps in an operation; that it ends instead is the program's failure to provoke what it
// wanted, which the witness shows, so it is no error.
func (c *conductor) awaitBlocked(ctx context.Context, task string, in []string) error {
	p := c.proc(task)
	if p == nil {
		return fmt.Errorf("await blocked %s: the task was not started", task)
	}
	_, err := c.endedOrBlocked(ctx, p, in)
	return err
}
