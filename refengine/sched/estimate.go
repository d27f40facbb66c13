package sched

// estimates says how many events a task has still to come, its children's included, from what tasks of its role had in earlier
// executions.
type estimates struct {
	byRole map[string]float64
	expect []float64 // by task of this execution
	spent  []float64
	totals []float64 // scratch
}

// unknownEvents is the estimate for a role that was never seen.
const unknownEvents = 16

func (e *estimates) begin() { e.expect, e.spent = e.expect[:0], e.spent[:0] }

// meet takes notice of the tasks started since the last call. What a child is expected to do is its parent's no longer.
func (e *estimates) meet(s *Sched) {
	for id := len(e.expect); id < s.used; id++ {
		n, ok := e.byRole[s.tasks[id].role]
		if !ok {
			n = unknownEvents
		}
		e.expect, e.spent = append(e.expect, n), append(e.spent, 0)
		if p := s.tasks[id].from; p >= 0 {
			e.spent[p] += n
		}
	}
}

// left returns how many events a task is expected to have yet, at least one, if it has had done of its own.
func (e *estimates) left(t *Task, done float64) float64 {
	return max(1, e.expect[t.id]-e.spent[t.id]-done)
}

// learn takes the counts of an execution, by task, into the estimates.
func (e *estimates) learn(s *Sched, count func(*Task) float64) {
	if e.byRole == nil {
		e.byRole = map[string]float64{}
	}
	e.totals = append(e.totals[:0], make([]float64, s.used)...)
	for id := s.used - 1; id >= 0; id-- {
		t := s.tasks[id]
		e.totals[id] += count(t)
		if t.from >= 0 {
			e.totals[t.from] += e.totals[id]
		}
		if old, ok := e.byRole[t.role]; ok {
			e.byRole[t.role] = (3*old + e.totals[id]) / 4
		} else {
			e.byRole[t.role] = e.totals[id]
		}
	}
}
