package sched

// Event is a condition that becomes true once, such as a completion. Waiting is a scheduling point.
type Event struct {
	s      *Sched
	obj    ObjID
	closed Gate
}

// Init makes the event usable, not yet set.
func (e *Event) Init(s *Sched, l Label) { e.s, e.obj, e.closed = s, s.NewObj(l), 1 }

// Wait waits until the event is set.
func (e *Event) Wait(t *Task, name string) { t.point(Op{OpWait, e.obj, name}, &e.closed, reads) }

// Set makes the event true. It is not a scheduling point.
func (e *Event) Set() {
	e.s.touch(e.obj, adds)
	e.closed = 0
}

// IsSet says whether the event is set.
func (e *Event) IsSet() bool {
	e.s.touch(e.obj, reads)
	return e.closed == 0
}

// Counter is a count that tasks can wait on to become zero: i_dio_count, requests in flight, a writeback flag.
type Counter struct {
	s   *Sched
	obj ObjID
	n   Gate
}

// Init makes the counter usable, at zero.
func (c *Counter) Init(s *Sched, l Label) { c.s, c.obj, c.n = s, s.NewObj(l), 0 }

// Obj returns the counter's object number.
func (c *Counter) Obj() ObjID { return c.obj }

// Add changes the count. It is not a scheduling point. A negative count is a broken invariant.
func (c *Counter) Add(d int32) {
	c.s.touch(c.obj, adds)
	c.n += d
	if c.n < 0 {
		panic("sched: counter below zero")
	}
}

// Count returns the count.
func (c *Counter) Count() int {
	c.s.touch(c.obj, reads)
	return int(c.n)
}

// WaitZero waits until the count is zero. name says in whose words: "inode_dio_wait".
func (c *Counter) WaitZero(t *Task, name string) { t.point(Op{OpWait, c.obj, name}, &c.n, reads) }

// WaitQueue lets tasks wait for a condition that is not one integer. Whoever changes the condition calls Wake.
type WaitQueue struct {
	s       *Sched
	obj     ObjID
	waiters []*Task
}

// Init makes the queue usable.
func (q *WaitQueue) Init(s *Sched, l Label) { q.s, q.obj, q.waiters = s, s.NewObj(l), q.waiters[:0] }

// Obj returns the queue's object number.
func (q *WaitQueue) Obj() ObjID { return q.obj }

// Wait returns when cond is true; cond is evaluated at a scheduling point of its own, atomically with what follows Wait. The step
// counts as writing the queue's object, which may stand for the condition if all that change it do so in a step that calls Wake or
// declares a write.
func (q *WaitQueue) Wait(t *Task, name string, cond func() bool) {
	t.Point(Op{OpWait, q.obj, name}, nil)
	for !cond() {
		t.wait, t.overtaken = 1, 0
		q.waiters = append(q.waiters, t)
		t.Point(Op{OpWait, q.obj, name}, &t.wait)
	}
}

// Wake lets every waiter evaluate its condition again. It is not a scheduling point.
func (q *WaitQueue) Wake() {
	q.s.touch(q.obj, adds)
	for _, t := range q.waiters {
		t.wait = 0
	}
	q.waiters = q.waiters[:0]
}

// WorkQueue runs work items each in a task of its own, as a concurrency-managed kernel workqueue may.
type WorkQueue struct {
	s    *Sched
	name string
}

// Init makes the queue usable. Its tasks are called "kworker/" and the name.
func (w *WorkQueue) Init(s *Sched, name string) { w.s, w.name = s, "kworker/"+name }

// Queue starts the item; it is not a scheduling point.
func (w *WorkQueue) Queue(item func(*Task)) { w.s.Go(w.name, item) }
