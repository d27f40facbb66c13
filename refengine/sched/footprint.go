package sched

// mode is how a step touches an object.
type mode uint8

// The modes. Two touches of one object conflict unless both read, or both add.
const (
	untouched mode = iota
	reads
	adds // changes it in a way that commutes with other adds: raising a counter, entering a queue without an order
	writes
)

func conflicting(a, b mode) bool { return a != b || a == writes }

// access is one object that a step touched.
type access struct {
	obj  ObjID
	mode mode
}

// independent says whether two footprints have no conflict, so that the steps commute.
func independent(a, b []access) bool {
	for _, x := range a {
		for _, y := range b {
			if x.obj == y.obj && conflicting(x.mode, y.mode) {
				return false
			}
		}
	}
	return true
}

// union adds the accesses of b to a.
func union(a, b []access) []access {
next:
	for _, y := range b {
		for i := range a {
			if a[i].obj == y.obj {
				if a[i].mode != y.mode {
					a[i].mode = writes
				}
				continue next
			}
		}
		a = append(a, y)
	}
	return a
}

// taskObj is the object that stands for a task's having ended. Its numbers are above those of NewObj.
func taskObj(t *Task) ObjID { return 1<<31 | ObjID(t.id) }

// Reads declares that the step under way reads the object's state, beyond the object its point announced; Writes that it changes
// it. A strategy that leaves out equivalent schedules relies on it: what a step touches and does not declare, it does not know of.
// Both cost nothing under the other strategies.
func (t *Task) Reads(obj ObjID) { t.s.touch(obj, reads) }

// Writes declares that the step under way changes the object's state; see Reads.
func (t *Task) Writes(obj ObjID) { t.s.touch(obj, writes) }

// Adds declares a change that commutes with the other changes declared by Adds, but neither with reads nor with writes: bumping a
// statistics counter, appending to a set. See Reads.
func (t *Task) Adds(obj ObjID) { t.s.touch(obj, adds) }

// Part returns the object that stands for a part of another, such as a block of a disk. Parts of one object may share a number: that
// makes steps dependent that need not be, never the reverse.
func Part(obj ObjID, index int64) ObjID {
	h := (uint64(obj)<<40 ^ uint64(index)) * 0x9e3779b97f4a7c15
	return 1<<30 | ObjID(h>>50)
}

// ReadsPart declares that the step under way reads a part of an object: a block of a disk, a range of a file. Parts are objects of their
// own: the whole and its parts are independent of each other. It is the scheduler's method because completions have no task at hand.
func (s *Sched) ReadsPart(obj ObjID, index int64) {
	if s.log != nil {
		s.touch(Part(obj, index), reads)
	}
}

// WritesPart declares that the step under way changes a part of an object; see ReadsPart.
func (s *Sched) WritesPart(obj ObjID, index int64) {
	if s.log != nil {
		s.touch(Part(obj, index), writes)
	}
}

// Reads, Writes and Adds are Task's methods of these names for where no task is at hand: they declare for the step under way.
func (s *Sched) Reads(obj ObjID) { s.touch(obj, reads) }

// Writes declares a change; see Reads.
func (s *Sched) Writes(obj ObjID) { s.touch(obj, writes) }

// Adds declares a change that commutes with others of its kind; see Task.Adds.
func (s *Sched) Adds(obj ObjID) { s.touch(obj, adds) }

// touch declares an access of the step under way, whichever task runs it.
func (s *Sched) touch(obj ObjID, m mode) {
	if s.log != nil && obj != 0 && !s.killing {
		s.log.touch(obj, m)
	}
}

// journal is what happened in an execution, for strategies that reason about the order of steps. Only they pay for it.
type journal struct {
	steps    []logged
	accesses []access
	choices  []branch
	last     []int32 // by task: its latest step, or the step that started it; -1 for none
	ends     []int32 // by task: how many steps it has taken
	quiets   []quiet
	waiting  []pendingOp
	inexact  bool // something happened that the order of steps does not explain
}

// logged is one step.
type logged struct {
	task     int32
	number   int32 // of the task's steps, from 1
	prev     int32 // the task's step before, or the step that started the task; -1 for none
	access   int32 // where its accesses begin in the journal
	choice   int32 // where its data choices begin
	born     int32 // tasks that existed when it began
	mayBlock bool  // it had a gate
}

// quiet is a moment at which no task could run until something outside them happened, such as the advance of time: every step
// before it is ordered before every step after it.
type quiet struct {
	at      int32 // steps before it
	waiting int32 // where its blocked operations begin in the journal
}

// pendingOp is an operation that was announced and blocked at a quiet moment.
type pendingOp struct {
	task int32
	access
}

func (j *journal) reset() {
	j.steps, j.accesses, j.choices = j.steps[:0], j.accesses[:0], j.choices[:0]
	j.last, j.ends, j.quiets, j.waiting = j.last[:0], j.ends[:0], j.quiets[:0], j.waiting[:0]
	j.inexact = false
}

// started tells of a new task; tasks come in the order of their numbers.
func (j *journal) started() {
	j.last = append(j.last, int32(len(j.steps))-1)
	j.ends = append(j.ends, 0)
}

func (j *journal) step(t *Task) {
	j.ends[t.id]++
	j.steps = append(j.steps, logged{
		task: int32(t.id), number: j.ends[t.id], prev: j.last[t.id],
		access: int32(len(j.accesses)), choice: int32(len(j.choices)), mayBlock: t.gate != nil,
		born: int32(len(j.last)),
	})
	j.last[t.id] = int32(len(j.steps)) - 1
	if t.op.Obj != 0 && t.mode != untouched {
		j.touch(t.op.Obj, t.mode)
	}
}

func (j *journal) touch(obj ObjID, m mode) {
	n := len(j.steps)
	if n == 0 {
		return
	}
	own := j.accesses[j.steps[n-1].access:]
	for i := range own {
		if own[i].obj != obj {
			continue
		}
		if own[i].mode != m {
			own[i].mode = writes
		}
		return
	}
	j.accesses = append(j.accesses, access{obj, m})
}

// footprint returns the accesses of a step.
func (j *journal) footprint(i int) []access {
	end := int32(len(j.accesses))
	if i+1 < len(j.steps) {
		end = j.steps[i+1].access
	}
	return j.accesses[j.steps[i].access:end]
}

// starts says whether a step started a task.
func (j *journal) starts(i int) bool {
	if i+1 < len(j.steps) {
		return j.steps[i+1].born > j.steps[i].born
	}
	return len(j.last) > int(j.steps[i].born)
}

// decided returns the data choices of a step.
func (j *journal) decided(i int) []branch {
	end := int32(len(j.choices))
	if i+1 < len(j.steps) {
		end = j.steps[i+1].choice
	}
	return j.choices[j.steps[i].choice:end]
}

// quiet records a quiet moment with the operations that are blocked.
func (j *journal) quiet(live []*Task) {
	j.quiets = append(j.quiets, quiet{int32(len(j.steps)), int32(len(j.waiting))})
	for _, t := range live {
		if _, blocked := t.Blocked(); blocked && t.op.Obj != 0 {
			j.waiting = append(j.waiting, pendingOp{int32(t.id), access{t.op.Obj, max(t.mode, reads)}})
		}
	}
}

// blockedAt returns the operations that were blocked at a quiet moment.
func (j *journal) blockedAt(i int) []pendingOp {
	end := int32(len(j.waiting))
	if i+1 < len(j.quiets) {
		end = j.quiets[i+1].waiting
	}
	return j.waiting[j.quiets[i].waiting:end]
}
