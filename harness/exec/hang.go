package exec

import (
	"context"
	"fmt"
	"os"
	"strings"

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
	c.mu.Lock()
	starting := c.starting
	c.mu.Unlock()
	for _, p := range c.all() {
		if c.hasEnded(p.key) || !c.isRunning(p) && p != starting {
			continue
		}
		c.mu.Lock()
		op := c.ops[p.key]
		c.mu.Unlock()
		if !op.open {
			if p.key != finalKey && p != starting {
				// Between operations: it waits for the harness, for example to join a task that hangs.
				continue
			}
			op.event.Op = -1
		}
		hang.Tasks = append(hang.Tasks, p.task)
		status, _ := os.ReadFile(taskFile(p, "status")) // a task that is gone has no state
		state, _, _ := strings.Cut(field(status, "State:"), " ")
		c.emit(p, history.Event{Kind: history.Hang, Time: now(), Task: p.task, Op: op.event.Op, Iter: op.event.Iter, Name: state, Where: stack(p)})
	}
	return hang
}

// dismiss ends the processes that were prepared and never let go, since the program ended early: they have files open, which
// a remount would meet.
func (c *conductor) dismiss(ctx context.Context) error {
	for _, p := range c.all() {
		if p.thread || c.isRunning(p) {
			continue
		}
		_ = p.process.Kill()
		select {
		case <-p.ended:
		case <-ctx.Done():
			return c.gaveUp(ctx)
		}
	}
	return nil
}

// killAll ends the processes that are left. One of which a thread still runs may sleep uninterruptibly: it is given up, not
// waited for.
func (c *conductor) killAll() {
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	for _, p := range c.all() {
		if p.thread {
			continue
		}
		_ = p.process.Kill()
		if c.allEnded(p) {
			_, _ = p.process.Wait()
		} else {
			_ = p.process.Release()
		}
	}
}

// allEnded says whether no task of the process is in the kernel: each has ended or was never let go.
func (c *conductor) allEnded(first *proc) bool {
	for _, p := range c.all() {
		if p.link == first.link && c.isRunning(p) && !c.hasEnded(p.key) {
			return false
		}
	}
	return true
}

// DropCaches drops every clean folio of the machine; it writes nothing back, so that it cannot wait for a held request.
func DropCaches() error {
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0); err != nil {
		return fmt.Errorf("drop caches: %w", err)
	}
	return nil
}
