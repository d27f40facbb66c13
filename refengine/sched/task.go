package sched

import "time"

// Task is one simulated thread of execution. Its methods may be called only from its own body, while it runs, unless they
// say otherwise. A body must not call runtime.Goexit, and so not testing.T.FailNow.
type Task struct {
	s    *Sched
	id   int
	from int // the number of the task that started it, -1 for set-up
	role string
	body func(*Task)
	co   *coroutine // nil until the task first runs and after it ended

	op        Op    // announced
	gate      *Gate // announced; nil is open
	mode      mode  // announced: how op touches its object
	announced int64 // step count when op was announced

	wait   Gate // a gate of the task's own, for queues that wake one task
	shared bool // queued for reading, while it is in an RWSem's queue
	alive  Gate // 1 until the body has ended
	held   []hold
	kills  int
	taken  int64 // steps taken
	local  uint64
	// overtaken counts how often others were let in past the task while it was blocked in a WaitQueue.
	overtaken int
}

// hold is one lock a task has.
type hold struct {
	obj    ObjID
	shared bool
}

// Go starts a task. It may be called from setup and from any running task; the new task takes its first step when it is
// chosen. The role is its name in traces and reports and need not be unique.
func (s *Sched) Go(role string, body func(*Task)) *Task {
	t := s.GoAt(role, Op{Kind: OpStart}, body)
	t.mode = untouched
	return t
}

// GoAt is Go for a task whose body begins with op's effect: its start is the scheduling point of op, which saves one.
func (s *Sched) GoAt(role string, op Op, body func(*Task)) *Task {
	t := s.allocTask()
	t.role, t.body = role, body
	t.op, t.gate, t.mode, t.announced = op, nil, writes, s.steps
	t.alive = 1
	s.live = append(s.live, t)
	if s.log != nil {
		s.log.started()
	}
	return t
}

func (s *Sched) allocTask() *Task {
	if s.used == len(s.tasks) {
		s.tasks = append(s.tasks, &Task{s: s})
	}
	t := s.tasks[s.used]
	t.id = s.used
	t.held = t.held[:0]
	t.kills, t.wait, t.co, t.taken, t.from, t.local = 0, 0, nil, 0, s.running, 0
	s.used++
	return t
}

// Go starts a task from this one.
func (t *Task) Go(role string, body func(*Task)) *Task { return t.s.Go(role, body) }

// Sched returns the scheduler that runs the task.
func (t *Task) Sched() *Sched { return t.s }

// Name returns the role the task was started with. It may be called at any time.
func (t *Task) Name() string { return t.role }

// ID returns the task's number: tasks are numbered from 0 in the order they were started. It may be called at any time.
func (t *Task) ID() int { return t.id }

// Done says whether the task's body has ended. It may be called at any time.
func (t *Task) Done() bool {
	t.s.touch(taskObj(t), reads)
	return t.alive == 0
}

// Point announces op, waits until the gate is open and the strategy chooses the task, and returns; what follows up to the
// next Point is the operation's effect and is atomic. A nil gate is always open. When the execution is torn down, Point
// does not return: it unwinds the task's stack with a panic that bodies must let pass. The step counts as writing op.Obj.
func (t *Task) Point(op Op, gate *Gate) { t.point(op, gate, writes) }

// point is Point for an operation that touches its object in the given way.
func (t *Task) point(op Op, gate *Gate, m mode) {
	s := t.s
	if s.killing {
		t.killed()
	}
	t.op, t.gate, t.mode, t.announced = op, gate, m, s.steps
	if gate != nil && *gate != 0 && s.ownerCycle(t) {
		s.foundCycle()
	}
	if next := s.decide(t); next != t {
		t.park(next)
	}
	s.execute(t)
}

// Step is Point for an operation that never blocks.
func (t *Task) Step(name string, obj ObjID) { t.Point(Op{OpStep, obj, name}, nil) }

// Choose returns a number in [0, n) picked by the strategy: data choices, recorded in the token like scheduling choices.
func (t *Task) Choose(n int) int { return t.s.choose(n) }

// Join waits until another task's body has ended.
func (t *Task) Join(other *Task) { t.point(Op{OpJoin, taskObj(other), "join"}, &other.alive, reads) }

// Sleep waits for virtual time, which advances only when no task can run.
func (t *Task) Sleep(d time.Duration) {
	t.wait = 1
	t.s.addTimer(t.s.now+d, t)
	t.Point(Op{OpSleep, 0, "sleep"}, &t.wait)
}

// Blocked says whether the task is waiting at a closed gate, and at which object. It may be called at any time.
func (t *Task) Blocked() (on Op, blocked bool) {
	return t.op, t.alive != 0 && t.gate != nil && *t.gate != 0
}

// Killing says that the execution is being torn down. Deferred functions of a model may ask it, to leave shared state alone.
func (s *Sched) Killing() bool { return s.killing }

// Acquired records that the task holds a lock built outside this package, for deadlock reports and the lock-order checker;
// Acquiring tells of it beforehand, Released of its end.
func (t *Task) Acquired(obj ObjID, shared bool) { t.acquired(obj, shared) }

// Acquiring is to be called before a blocking acquisition that Acquired will record.
func (t *Task) Acquiring(obj ObjID) { t.s.order.acquiring(t.s, t, obj) }

// Released undoes Acquired.
func (t *Task) Released(obj ObjID) { t.released(obj) }

func (t *Task) acquired(obj ObjID, shared bool) { t.held = append(t.held, hold{obj, shared}) }

func (t *Task) released(obj ObjID) bool {
	for i := len(t.held) - 1; i >= 0; i-- {
		if t.held[i].obj == obj {
			t.held = append(t.held[:i], t.held[i+1:]...)
			return true
		}
	}
	return false
}

// Holds says whether the task holds the lock, in any mode. It may be called at any time.
func (t *Task) Holds(obj ObjID) bool {
	for _, h := range t.held {
		if h.obj == obj {
			return true
		}
	}
	return false
}
