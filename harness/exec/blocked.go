package exec

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/history"
)

// sampleEvery is the pause between two looks at a task.
const sampleEvery = 5 * time.Millisecond

// endedOrBlocked waits until the task has ended (false) or is asleep inside an operation for good (true), which is then
// recorded. With functions, one of them must be on its kernel stack.
func (c *conductor) endedOrBlocked(ctx context.Context, p *proc, in []string) (bool, error) {
	w := watcher{c: c, p: p, requests: -1}
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.ended:
			return false, nil
		case <-ctx.Done():
			return false, c.gaveUp(ctx)
		case <-tick.C:
		}
		blocked, err := w.look(ctx)
		if err != nil {
			return false, err
		}
		if !blocked {
			continue
		}
		where := stack(p)
		// What was read is its sleep only if it still sleeps.
		if !onStack(where, in) || c.sample(p) != w.last {
			continue
		}
		op := w.last.op
		c.emit(p, history.Event{Kind: history.Blocked, Time: now(), Task: p.task, Op: op.Op, Iter: op.Iter, Where: where})
		return true, nil
	}
}

// watcher finds out whether a task is asleep for good: in state S or D inside an open operation, without a context switch
// from look to look while nothing else in the machine is runnable (or for very many looks), and that twice with the disk
// settled in between and asked for nothing: so it is no slow disk that it waits for, nor something that waits for one.
type watcher struct {
	c    *conductor
	p    *proc
	last sample
	// same and idle count looks without a change, idle those at which the machine had nothing else to do.
	same, idle int
	// requests is what the disk had been asked when it was settled last, -1 for never.
	requests int64
}

// idleLooks is how many looks at an idle machine are believed.
const idleLooks = 3

// look takes a sample and says whether the task is asleep for good.
func (w *watcher) look(ctx context.Context) (bool, error) {
	s := w.c.sample(w.p)
	changed := !s.asleep || s != w.last
	w.last = s
	if changed {
		w.same, w.idle, w.requests = 0, 0, -1
		return false, nil
	}
	w.same++
	if machineIdle() {
		w.idle++
	}
	if w.idle < idleLooks && w.same < w.c.env.Confirm {
		return false, nil
	}
	before := w.requests
	requests, err := w.c.env.Disk.Settle(ctx)
	w.same, w.idle, w.requests = 0, 0, requests
	return requests == before, err
}

// place is an operation and its repetition.
type place struct{ Op, Iter int }

// sample is one look at a task.
type sample struct {
	asleep   bool
	switches string
	op       place
}

func (c *conductor) sample(p *proc) sample {
	c.mu.Lock()
	op := c.ops[p.key]
	c.mu.Unlock()
	s := sample{op: place{op.event.Op, op.event.Iter}}
	if !op.open {
		return s
	}
	t := lookAt(p.process.Pid, livingThread(p))
	s.asleep, s.switches = t.asleep, t.switches
	return s
}

// machineIdle says whether nothing but the caller is runnable.
func machineIdle() bool {
	stat, err := os.ReadFile("/proc/stat")
	return err == nil && field(stat, "procs_running") == "1"
}

// stack is the task's kernel stack, innermost function first, without offsets; the last system call where the stack cannot be
// read (that needs root).
func stack(p *proc) []string {
	text, err := os.ReadFile(taskFile(p, "stack"))
	if err != nil {
		wchan, _ := os.ReadFile(taskFile(p, "wchan"))
		return []string{strings.TrimSpace(string(wchan))}
	}
	return frames(string(text))
}

// frames reads /proc/PID/stack: "[<0>] inode_dio_wait+0xd4/0x120".
func frames(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		_, fn, ok := strings.Cut(strings.TrimSpace(line), "] ")
		if !ok {
			continue
		}
		fn, _, _ = strings.Cut(fn, "+")
		out = append(out, fn)
	}
	return out
}

// onStack says whether one of the functions is among the frames; with none asked for it is always so.
func onStack(where, in []string) bool {
	if len(in) == 0 {
		return true
	}
	for _, f := range where {
		for _, want := range in {
			if f == want || strings.HasPrefix(f, want+".") {
				return true
			}
		}
	}
	return false
}
