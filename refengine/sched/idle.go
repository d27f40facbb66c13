package sched

// idleBound is for how many steps of others a task must have been blocked without a break for AwaitBlocked to call it
// blocked although the system is still busy.
const idleBound = 2000

// idler is a task in AwaitBlocked, or, with no target, in Calm.
type idler struct {
	t, target *Task
	since     int64
}

// Calm waits until no other task can run, and makes the rest of the execution one schedule: whoever runs goes on as long as it can, and
// data choices are 0. It is for what a model does once all that is to be explored is over, such as looking at the outcome; replays
// need no choices for it. The moment orders everything before it before everything after it.
func (t *Task) Calm() {
	s := t.s
	t.wait = 1
	s.idlers = append(s.idlers, &idler{t, nil, s.steps})
	t.Point(Op{OpWait, 0, "calm"}, &t.wait)
	s.calm, s.log = true, nil
}

// AwaitBlocked waits until another task is blocked and stays so: no other task can run, or it has been blocked on the same
// thing for a long while of others' steps. A wait that ends by itself does not count. It returns what the task waits for, and false if
// the task ended instead. A task that is itself in AwaitBlocked does not count as blocked.
func (t *Task) AwaitBlocked(target *Task) (on Op, blocked bool) {
	s := t.s
	t.wait = 1
	s.idlers = append(s.idlers, &idler{t, target, s.steps})
	t.Point(Op{OpWait, 0, "await blocked"}, &t.wait)
	s.touch(taskObj(target), reads)
	return target.Blocked()
}

// wakeIdlers ends the AwaitBlocked of those whose target is done or blocked, and says whether there was one. Nobody is woken because
// all is quiet as long as somebody can be woken for another reason.
func (s *Sched) wakeIdlers(quiet bool) bool {
	if s.wakeSettled(false) {
		return true
	}
	if !quiet || !s.wakeSettled(true) {
		return false
	}
	if s.log != nil {
		s.log.quiet(s.live)
	}
	return true
}

func (s *Sched) wakeSettled(quiet bool) bool {
	woken := false
	rest := s.idlers[:0]
	for _, i := range s.idlers {
		if !s.settled(i, quiet) {
			rest = append(rest, i)
			continue
		}
		i.t.wait = 0
		woken = true
	}
	s.idlers = rest
	return woken
}

func (s *Sched) settled(i *idler, quiet bool) bool {
	if i.target == nil {
		return quiet
	}
	if i.target.alive == 0 {
		return true
	}
	if _, blocked := i.target.Blocked(); !blocked || s.idling(i.target) {
		return false
	}
	if quiet {
		return true
	}
	long := s.steps-max(i.since, i.target.announced) > idleBound
	if long && s.log != nil {
		s.log.inexact = true
	}
	return long
}

func (s *Sched) idling(t *Task) bool {
	return t.op.Kind == OpWait && t.op.Name == "await blocked"
}
