package sched

import "strings"

// BlockedTask says of one task of a deadlock what it waits for and what it holds.
type BlockedTask struct {
	Task   string
	Doing  string // the announced operation's name: "lock", "inode_dio_wait"
	Waits  Label  // the object it waits for, zero for none
	HeldBy []string
	Holds  []string
}

// String returns one line: "truncater waits for inode_dio_wait of f (holds i_rwsem of f)".
func (b BlockedTask) String() string {
	var sb strings.Builder
	sb.WriteString(b.Task + " waits for ")
	if b.Waits.Class == "" {
		sb.WriteString(b.Doing)
	} else {
		sb.WriteString(b.Waits.String())
	}
	if len(b.HeldBy) > 0 {
		sb.WriteString(", held by " + strings.Join(b.HeldBy, ", "))
	}
	if len(b.Holds) > 0 {
		sb.WriteString(" (holds " + strings.Join(b.Holds, ", ") + ")")
	}
	return sb.String()
}

func (s *Sched) describeBlocked() []BlockedTask {
	var all []BlockedTask
	for _, t := range s.live {
		b := BlockedTask{Task: t.role, Doing: t.op.Name, Waits: s.Label(t.op.Obj)}
		if _, blocked := t.Blocked(); !blocked {
			b.Doing, b.Waits = "its turn to "+t.op.Name, Label{}
		}
		for _, o := range s.live {
			if o != t && b.Waits.Class != "" && o.Holds(t.op.Obj) {
				b.HeldBy = append(b.HeldBy, o.role)
			}
		}
		for _, h := range t.held {
			b.Holds = append(b.Holds, s.holdName(h))
		}
		all = append(all, b)
	}
	return all
}

func (s *Sched) holdName(h hold) string {
	if h.shared {
		return s.Label(h.obj).String() + " shared"
	}
	return s.Label(h.obj).String()
}

// ownerCycle says whether t, about to block, waits for itself through the owners of locks. It finds an AB-BA deadlock at
// once although other tasks can still run. Only locks have owners: a wait for an event ends the walk.
func (s *Sched) ownerCycle(t *Task) bool {
	if len(t.held) == 0 {
		return false
	}
	return s.reaches(t, t, len(s.live))
}

const ownersCycle = "tasks wait for each other in a cycle"

// foundCycle ends the execution, unless the strategy needs to see what the other tasks do: the outcome is the same.
func (s *Sched) foundCycle() {
	if s.log == nil {
		s.end(Deadlock, ownersCycle)
	} else if s.cycle == nil {
		s.cycle = s.describeBlocked()
	}
}

func (s *Sched) reaches(from, to *Task, depth int) bool {
	if _, blocked := from.Blocked(); !blocked || from.op.Obj == 0 || depth == 0 {
		return false
	}
	for _, o := range s.live {
		if o == from || !s.holdsUp(o, from) {
			continue
		}
		if o == to || s.reaches(o, to, depth-1) {
			return true
		}
	}
	return from == to && from.Holds(from.op.Obj) && isLock(from.op.Kind)
}

// holdsUp says whether from cannot go on before o does: o holds what it waits for, or is ahead of it in a semaphore's queue.
func (s *Sched) holdsUp(o, from *Task) bool {
	if !isLock(from.op.Kind) {
		return false
	}
	if o.Holds(from.op.Obj) {
		return true
	}
	_, blocked := o.Blocked()
	return blocked && isLock(o.op.Kind) && o.op.Obj == from.op.Obj && o.gate == &o.wait && from.gate == &from.wait &&
		o.announced < from.announced
}

func isLock(k OpKind) bool { return k == OpLock || k == OpRLock }
