package sched

import "time"

// timer opens a task's own gate at a virtual time.
type timer struct {
	at time.Duration
	t  *Task
}

func (s *Sched) addTimer(at time.Duration, t *Task) { s.timers = append(s.timers, timer{at, t}) }

// fireTimers advances virtual time to the earliest timer and fires all that are due. There are few timers: a scan will do.
func (s *Sched) fireTimers() bool {
	if len(s.timers) == 0 {
		return false
	}
	s.now = s.timers[0].at
	for _, tm := range s.timers {
		s.now = min(s.now, tm.at)
	}
	rest := s.timers[:0]
	for _, tm := range s.timers {
		if tm.at <= s.now {
			tm.t.wait = 0
		} else {
			rest = append(rest, tm)
		}
	}
	s.timers = rest
	return true
}
