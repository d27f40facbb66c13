package sched

// RWSem is a reader-writer semaphore with the kernel's fairness (kernel/locking/rwsem.c with the hand-off always on):
// waiters queue in order of arrival, a reader that arrives behind a waiting writer waits, a release hands the lock to the
// writer at the head of the queue, or to all readers at its head. Arrival, acquisition and release are scheduling points.
type RWSem struct {
	s       *Sched
	obj     ObjID
	writer  bool
	readers int
	queue   []*Task
}

// Init makes the semaphore usable; it must be called once, before anything else.
func (r *RWSem) Init(s *Sched, l Label) { r.s, r.obj = s, s.NewObj(l) }

// Obj returns the semaphore's object number.
func (r *RWSem) Obj() ObjID { return r.obj }

// Lock acquires for writing (down_write).
func (r *RWSem) Lock(t *Task) { r.acquire(t, OpLock) }

// RLock acquires for reading (down_read).
func (r *RWSem) RLock(t *Task) { r.acquire(t, OpRLock) }

func (r *RWSem) acquire(t *Task, kind OpKind) {
	r.s.order.acquiring(r.s, t, r.obj)
	t.point(Op{kind, r.obj, "down"}, nil, untouched)
	shared := kind == OpRLock
	if r.free(shared) {
		r.grant(t, shared)
		return
	}
	r.s.touch(r.obj, writes)
	t.wait, t.shared = 1, shared
	r.queue = append(r.queue, t)
	t.Point(Op{kind, r.obj, "down, queued"}, &t.wait)
}

func (r *RWSem) free(shared bool) bool {
	if r.writer || len(r.queue) > 0 {
		return false
	}
	return shared || r.readers == 0
}

// TryLock acquires for writing if nobody has it or waits for it.
func (r *RWSem) TryLock(t *Task) bool { return r.try(t, false) }

// TryRLock acquires for reading if no writer has it or waits for it.
func (r *RWSem) TryRLock(t *Task) bool { return r.try(t, true) }

func (r *RWSem) try(t *Task, shared bool) bool {
	t.point(Op{OpTry, r.obj, "trydown"}, nil, untouched)
	if !r.free(shared) {
		r.s.touch(r.obj, reads)
		return false
	}
	r.grant(t, shared)
	return true
}

// grant gives the semaphore to t. Readers that come and go commute with each other.
func (r *RWSem) grant(t *Task, shared bool) {
	if shared {
		r.s.touch(r.obj, adds)
		r.readers++
	} else {
		r.s.touch(r.obj, writes)
		r.writer = true
	}
	t.acquired(r.obj, shared)
}

// Unlock releases what Lock acquired (up_write).
func (r *RWSem) Unlock(t *Task) { r.release(t, false) }

// RUnlock releases what RLock acquired (up_read).
func (r *RWSem) RUnlock(t *Task) { r.release(t, true) }

func (r *RWSem) release(t *Task, shared bool) {
	if r.s.killing {
		return
	}
	t.point(Op{OpUnlock, r.obj, "up"}, nil, untouched)
	if !t.released(r.obj) {
		panic("sched: task " + t.role + " releases " + r.s.Label(r.obj).String() + " that it does not hold")
	}
	if shared {
		r.s.touch(r.obj, adds)
		r.readers--
	} else {
		r.s.touch(r.obj, writes)
		r.writer = false
	}
	r.handOff()
}

// Downgrade turns a write hold into a read hold (downgrade_write).
func (r *RWSem) Downgrade(t *Task) {
	if r.s.killing {
		return
	}
	t.Point(Op{OpUnlock, r.obj, "downgrade"}, nil)
	t.released(r.obj)
	r.writer = false
	r.grant(t, true)
	r.handOff()
}

// handOff grants the semaphore to the head of the queue as far as it may.
func (r *RWSem) handOff() {
	for len(r.queue) > 0 {
		t := r.queue[0]
		if r.writer || (!t.shared && r.readers > 0) {
			return
		}
		r.queue = append(r.queue[:0], r.queue[1:]...)
		r.grant(t, t.shared)
		t.wait = 0
	}
}
