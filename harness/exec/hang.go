package exec

import (
	"context"
	"fmt"
	"os"

	"github.com/iomapcheck/iomapcheck/harness/history"
)

// gaveUp says why the run's context ended: a fault of a task process, or tasks that hang, with their stacks in the history.
func (c *conductor) gaveUp(ctx context.Context) error {
	c.hangOnce.Do(func() { c.hang = c.findHang(context.Cause(ctx)) })
	return c.hang
}

func (c *conductor) findHang(cause error) error {
	if cause != context.DeadlineExceeded {
		return cause
	}
	hang := &HangError{Cause: cause}
	for _, p := range c.all() {
		if !c.isRunning(p) || c.hasEnded(p.key) {
			continue
		}
		c.mu.Lock()
		op := c.ops[p.key]
		c.mu.Unlock()
		if !op.open {
			if p.key != finalKey {
				// Between operations: it waits for the harness, for example to join a task that hangs.
				continue
			}
			op.event.Op = -1
		}
		hang.Tasks = append(hang.Tasks, p.task)
		c.emit(p, history.Event{Kind: history.Hang, Time: now(), Task: p.task, Op: op.event.Op, Iter: op.event.Iter, Where: stack(p)})
	}
	return hang
}

// killAll ends the processes that are left. One that sleeps uninterruptibly stays: it is given up, not waited for.
func (c *conductor) killAll() {
	for _, p := range c.all() {
		if p.thread {
			continue
		}
		_ = p.process.Kill()
		if c.hasEnded(p.key) || !c.isRunning(p) {
			_, _ = p.process.Wait()
		} else {
			_ = p.process.Release()
		}
	}
}

// dropCaches drops every clean folio of the machine; it writes nothing back, so that it cannot wait for a held request.
func dropCaches() error {
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0); err != nil {
		return fmt.Errorf("drop caches: %w", err)
	}
	return nil
}
