package sched

import "fmt"

// Obligation is a bound on how often a blocked task may be overtaken without a break: a lock whose waiters are passed by others for
// ever gives no progress, though every step of it is right. Bounds count, they do not measure time.
type Obligation struct {
	s      *Sched
	name   string
	bound  int
	waiter *Task
	count  int
}

// Oblige makes an obligation, not yet owed. It ends the execution as Starved when its waiter is overtaken more than bound times while
// it is blocked without a break: once the waiter could run, and merely was not chosen, the count begins anew, for then the
// schedule is to blame and not the program.
func (s *Sched) Oblige(name string, bound int) *Obligation {
	return &Obligation{s: s, name: name, bound: bound}
}

// Start says that t waits from now on. It is called by t before the point at which it may block.
func (o *Obligation) Start(t *Task) {
	if o.waiter == nil {
		o.s.owed = append(o.s.owed, o)
	}
	o.waiter, o.count = t, 0
}

// Overtake says that somebody was let in past the waiter. It does not count while the waiter is not blocked.
func (o *Obligation) Overtake() {
	if o.waiter == nil {
		return
	}
	if _, blocked := o.waiter.Blocked(); !blocked {
		return
	}
	if o.count++; o.count > o.bound {
		o.s.starved(o.waiter, o.name, o.count)
	}
}

// Done says that the waiter got what it waited for.
func (o *Obligation) Done() {
	o.waiter = nil
	for i, p := range o.s.owed {
		if p == o {
			o.s.owed = append(o.s.owed[:i], o.s.owed[i+1:]...)
			return
		}
	}
}

func (s *Sched) starved(t *Task, what string, count int) {
	s.end(Starved, fmt.Sprintf("%s was overtaken %d times without a break while it waited for %s", t.role, count, what))
}

// forgive begins the counts anew of the obligations whose waiter can run.
func (s *Sched) forgive() {
	for _, o := range s.owed {
		if _, blocked := o.waiter.Blocked(); !blocked {
			o.count = 0
		}
	}
}

// Overtaken says that somebody was let in past everybody who waits in the queue; more than bound times without a Wake in between ends
// the execution as Starved. name says for what they wait.
func (q *WaitQueue) Overtaken(name string, bound int) {
	for _, t := range q.waiters {
		if t.overtaken++; t.overtaken > bound {
			q.s.starved(t, name, t.overtaken)
		}
	}
}
