package sched

import "fmt"

// pumpedLaps is how often a cycle must be repeated to be called a livelock.
const pumpedLaps = 64

// maxStates bounds the states that are remembered of one execution.
const maxStates = 1 << 16

// lasso looks for a cycle of states in an execution: a schedule that is fair and comes back to a state can go on for ever.
type lasso struct {
	digest  func() uint64 // nil unless Watch was called
	seen    map[uint64]int
	taken   []uint64 // by step, the signature of the task that took it
	chosen  []picked // data choices
	signs   []uint64 // by task, its signature when the decision under way began
	ran     []int    // by task, how many steps had been taken with its latest one
	enabled []int    // by task, the number of steps at which it was last able to go on
	start   int      // steps taken when Watch was called

	pumping bool
	state   uint64 // where the cycle begins
	from    int
	period  int
	lap     int
	choice  int
}

// picked is a data choice and the step it belongs to.
type picked struct{ step, value int }

// Watch makes the scheduler look for livelock in this execution: a state that comes back after a stretch in which every task that
// could go on did (strong fairness). The stretch is then repeated 64 times; if the state comes back every time, the outcome is
// Livelock. digest returns a hash of the model's state, all that its tasks act on but virtual time; what a task itself remembers it
// declares by Task.Local. A counter that is not declared and would end the loop after more than 64 laps is called a livelock.
//
// It costs a digest a step, and does nothing under a strategy that enumerates, nor under one that is not fair, such as PCT alone.
func (s *Sched) Watch(digest func() uint64) {
	l := &s.lasso
	if s.log != nil {
		return
	}
	if l.seen == nil {
		l.seen = map[uint64]int{}
	}
	clear(l.seen)
	l.digest, l.start, l.pumping = digest, int(s.steps), false
	l.taken, l.chosen, l.signs, l.ran, l.enabled = l.taken[:0], l.chosen[:0], l.signs[:0], l.ran[:0], l.enabled[:0]
}

// Local declares what the task remembers, as far as what it does next depends on it: a retry count. Only Watch asks.
func (t *Task) Local(v uint64) { t.local = v }

// signature tells what a task is about to do, the same for tasks that cannot be told apart.
func (s *Sched) signature(t *Task) uint64 {
	l := s.Label(t.op.Obj)
	h := hashString(14695981039346656037, t.role)
	h = hashString(hashString(hashString(h, t.op.Name), l.Class), l.Of)
	return (h ^ uint64(l.Index)<<8 ^ uint64(t.op.Kind)) * 1099511628211
}

func hashString(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// next is asked at every decision; while a cycle is being repeated it returns who goes on.
func (l *lasso) next(s *Sched) *Task {
	now := int(s.steps) - l.start
	if now > 0 && len(l.taken) < now && s.running < len(l.signs) {
		l.taken = append(l.taken, l.signs[s.running])
		l.ran[s.running] = now
	}
	if len(l.taken) != now { // steps between Watch and its task's next point
		l.start = int(s.steps) - len(l.taken)
		now = len(l.taken)
	}
	state := l.observe(s, now)
	if l.pumping {
		return l.pump(s, state, now)
	}
	if len(l.seen) >= maxStates {
		return nil
	}
	first, again := l.seen[state]
	if !again {
		l.seen[state] = now
		return nil
	}
	if first < 0 || !l.fair(s, first) {
		return nil
	}
	l.pumping, l.state, l.from, l.period, l.lap = true, state, first, now-first, 0
	return l.pump(s, state, now)
}

// observe returns the digest of the state, and notes who can go on.
func (l *lasso) observe(s *Sched, now int) uint64 {
	for len(l.signs) < s.used {
		l.signs, l.ran, l.enabled = append(l.signs, 0), append(l.ran, -1), append(l.enabled, -1)
	}
	state := l.digest()
	for _, t := range s.live {
		l.signs[t.id] = s.signature(t)
		state += (l.signs[t.id] ^ t.local*0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd
	}
	for _, t := range s.enabled {
		l.enabled[t.id] = now
	}
	return state
}

// fair says whether every task that was able to go on since a step did.
func (l *lasso) fair(s *Sched, since int) bool {
	for _, t := range s.live {
		if l.enabled[t.id] >= since && l.ran[t.id] <= since {
			return false
		}
	}
	return true
}

// pump repeats the cycle's next step, and looks whether the state comes back with each lap.
func (l *lasso) pump(s *Sched, state uint64, now int) *Task {
	at := (now - l.from) % l.period
	if at == 0 {
		if state != l.state {
			return l.giveUp()
		}
		if l.lap++; l.lap > pumpedLaps {
			s.end(Livelock, fmt.Sprintf("%d steps come back to the same state, every task that can go on takes part, and %d repetitions changed nothing",
				l.period, pumpedLaps))
			return nil
		}
	}
	var best *Task
	for _, t := range s.enabled {
		if l.signs[t.id] == l.taken[l.from+at] && (best == nil || l.ran[t.id] < l.ran[best.id]) {
			best = t
		}
	}
	if best == nil {
		return l.giveUp()
	}
	l.choice = 0
	return best
}

// giveUp ends the repetition: the state does not hold all that matters. It is not tried from there again.
func (l *lasso) giveUp() *Task {
	l.pumping = false
	l.seen[l.state] = -1
	return nil
}

// choose returns the data choice that the cycle made at this place.
func (l *lasso) choose(s *Sched, n int) (int, bool) {
	if !l.pumping {
		return 0, false
	}
	step := l.from + (int(s.steps)-l.start-1-l.from)%l.period
	nth := l.choice
	l.choice++
	for _, c := range l.chosen {
		if c.step != step {
			continue
		}
		if nth == 0 {
			return c.value, c.value < n
		}
		nth--
	}
	return 0, false
}
