package sched

// Mutex is a sleeping lock without an order among its waiters: when it is released any contender may take it, as the
// kernel's mutexes and folio locks allow (optimistic spinning; folio_wait_bit_common's waiters try again with whoever
// else comes). Acquiring and releasing are scheduling points.
type Mutex struct {
	s     *Sched
	obj   ObjID
	state Gate
	owner *Task // nil when free, or when an I/O request has it
}

// BitLock is a folio lock: a Mutex that a task may hand to an I/O request, which releases it at its completion.
type BitLock = Mutex

// Init makes the lock usable; it must be called once, before anything else.
func (m *Mutex) Init(s *Sched, l Label) { m.s, m.obj = s, s.NewObj(l) }

// Obj returns the lock's object number.
func (m *Mutex) Obj() ObjID { return m.obj }

// Locked says whether somebody has the lock. It is not a scheduling point.
func (m *Mutex) Locked() bool {
	m.s.touch(m.obj, reads)
	return m.state != 0
}

// Lock acquires the lock.
func (m *Mutex) Lock(t *Task) {
	m.s.order.acquiring(m.s, t, m.obj)
	t.Point(Op{OpLock, m.obj, "lock"}, &m.state)
	m.take(t)
}

// TryLock acquires the lock if it is free when the task is chosen.
func (m *Mutex) TryLock(t *Task) bool {
	t.point(Op{OpTry, m.obj, "trylock"}, nil, reads)
	if m.state != 0 {
		return false
	}
	m.take(t)
	return true
}

// LockNew marks a lock that no other task can know yet as taken; it is not a scheduling point. A folio is added to the
// page cache locked (__filemap_add_folio sets PG_locked without waiting).
func (m *Mutex) LockNew(t *Task) { m.take(t) }

func (m *Mutex) take(t *Task) {
	m.s.touch(m.obj, writes)
	m.state, m.owner = 1, t
	t.acquired(m.obj, false)
}

// Unlock releases the lock, whoever took it.
func (m *Mutex) Unlock(t *Task) {
	if m.s.killing {
		return
	}
	t.Point(Op{OpUnlock, m.obj, "unlock"}, nil)
	m.UnlockQuiet()
}

// UnlockQuiet releases the lock without a scheduling point, for completions that release many locks in one step.
func (m *Mutex) UnlockQuiet() {
	if m.s.killing {
		return
	}
	if m.state == 0 {
		panic("sched: unlock of unlocked " + m.s.Label(m.obj).String())
	}
	m.s.touch(m.obj, writes)
	m.Disown()
	m.state = 0
}

// Disown leaves the lock taken but owned by no task: an I/O request has it and releases it at its completion.
func (m *Mutex) Disown() {
	if m.owner != nil {
		m.s.touch(m.obj, writes)
		m.owner.released(m.obj)
		m.owner = nil
	}
}

// WaitFree waits until nobody has the lock, without taking it (folio_wait_locked).
func (m *Mutex) WaitFree(t *Task, name string) { t.point(Op{OpWait, m.obj, name}, &m.state, reads) }
