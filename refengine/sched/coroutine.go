package sched

import (
	"iter"
	"runtime/debug"
)

// killSignal unwinds a task's stack when its execution is torn down. It never leaves the package.
type killSignal struct{}

// maxKills is how often a body may swallow the kill signal before its coroutine is given up.
const maxKills = 100

// coroutine is a stack on which tasks run one after another. It belongs to one Sched, which reuses it over executions.
type coroutine struct {
	resume  func() (struct{}, bool)
	stop    func()
	yield   func(struct{}) bool
	task    *Task // the task on the stack, nil when idle
	stopped bool  // yield has returned false: it must not be called again
}

func (s *Sched) takeCoroutine() *coroutine {
	if n := len(s.idleCo); n > 0 {
		c := s.idleCo[n-1]
		s.idleCo = s.idleCo[:n-1]
		return c
	}
	c := &coroutine{}
	c.resume, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		for !c.stopped {
			s.serve(c)
			if !c.stopped && !yield(struct{}{}) {
				return
			}
		}
	})
	return c
}

// serve runs c.task to its end, and then any task that is chosen next and has no stack yet: a new task needs no switch.
func (s *Sched) serve(c *coroutine) {
	for {
		s.runBody(c.task)
		c.task.co = nil
		c.task = nil
		if s.killing || s.outcome != Running {
			s.next = nil
			break
		}
		s.next = s.decide(nil)
		if s.next == nil || s.next.co != nil {
			break
		}
		c.task = s.next
		c.task.co = c
	}
	s.idleCo = append(s.idleCo, c)
}

// runBody runs a task's body from its first step and takes it off the list of live tasks.
func (s *Sched) runBody(t *Task) {
	defer func() {
		r := recover()
		s.touch(taskObj(t), writes)
		t.alive = 0
		s.removeLive(t)
		if _, killed := r.(killSignal); r == nil || killed || s.killing {
			return
		}
		s.panicValue, s.panicStack = r, string(debug.Stack())
		s.end(Panicked, "task "+t.role+" panicked")
	}()
	s.execute(t)
	t.body(t)
}

func (s *Sched) removeLive(t *Task) {
	for i, l := range s.live {
		if l == t {
			s.live = append(s.live[:i], s.live[i+1:]...)
			return
		}
	}
}

// park gives the processor to next, through the driver, until the task is chosen again.
func (t *Task) park(next *Task) {
	t.s.next = next
	t.co.pause()
	if t.s.killing {
		t.killed()
	}
}

func (c *coroutine) pause() {
	if c.stopped || !c.yield(struct{}{}) {
		c.stopped = true
	}
}

// killed unwinds the task. A body that recovers everything and goes on would come back here for ever: after maxKills its
// coroutine stays parked and is given up.
func (t *Task) killed() {
	t.kills++
	for t.kills > maxKills {
		t.co.pause()
	}
	panic(killSignal{})
}

// drive resumes the chosen task until none is left to run.
func (s *Sched) drive() {
	for s.next != nil {
		t := s.next
		if t.co == nil {
			t.co = s.takeCoroutine()
			t.co.task = t
		}
		t.co.resume()
	}
}

// teardown unwinds every task that has not ended. Locks and wait queues they hold are left as they are: the model's state
// is dropped with the execution.
func (s *Sched) teardown() {
	s.killing = true
	for len(s.live) > 0 {
		t := s.live[len(s.live)-1]
		if t.co != nil {
			t.co.resume()
		}
		if t.alive != 0 { // it never ran, or it swallowed every kill signal
			if t.co != nil {
				s.abandoned++
			}
			t.alive = 0
			s.removeLive(t)
		}
	}
	s.killing = false
}

// Close ends the coroutines the scheduler keeps. A coroutine that was given up in teardown cannot be ended; Close returns
// how many there are, 0 in every correct model.
func (s *Sched) Close() (abandoned int) {
	for _, c := range s.idleCo {
		c.stop()
	}
	s.idleCo = nil
	return s.abandoned
}
