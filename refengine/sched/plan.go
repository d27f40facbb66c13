package sched

// plan is a schedule that can be followed loosely: what no longer fits is passed over.
type plan struct {
	stretches []stretch
	data      []datum
}

// stretch lets a task run until it has taken so many steps since its start.
type stretch struct {
	task int
	upto int64
}

// datum is a data choice: the value of a task's nth one.
type datum struct{ task, nth, value int }

// planOf returns the plan that an execution has carried out.
func planOf(trace []TraceStep, made []datum) plan {
	p := plan{data: append([]datum(nil), made...)}
	taken := map[int]int64{}
	for _, s := range trace {
		taken[s.Task]++
		if n := len(p.stretches); n > 0 && p.stretches[n-1].task == s.Task {
			p.stretches[n-1].upto++
		} else {
			p.stretches = append(p.stretches, stretch{s.Task, taken[s.Task]})
		}
	}
	return p
}

// follower is the Strategy that follows a plan, or an inner strategy, and notes the data choices made.
type follower struct {
	plan  plan
	inner Strategy
	made  []datum
}

func (f *follower) Name() string { return "follow" }

func (f *follower) Begin() bool { return true }

// Pick runs the task of the first stretch that is not over and whose task can run.
func (f *follower) Pick(s *Sched, cur *Task, enabled []*Task) *Task {
	if f.inner != nil {
		return f.inner.Pick(s, cur, enabled)
	}
	for len(f.plan.stretches) > 0 && f.over(s, f.plan.stretches[0]) {
		f.plan.stretches = f.plan.stretches[1:]
	}
	for _, st := range f.plan.stretches {
		if f.over(s, st) {
			continue
		}
		for _, t := range enabled {
			if t.id == st.task {
				return t
			}
		}
	}
	return byDefault(cur, enabled)
}

// over says whether a stretch has nothing left to do. One of a task that has not been started yet has.
func (f *follower) over(s *Sched, st stretch) bool {
	if st.task >= s.used {
		return false
	}
	t := s.tasks[st.task]
	return t.alive == 0 || t.taken >= st.upto
}

func (f *follower) Choose(s *Sched, n int) int {
	d := datum{task: s.running}
	for _, m := range f.made {
		if m.task == d.task {
			d.nth++
		}
	}
	if f.inner != nil {
		d.value = f.inner.Choose(s, n)
	} else {
		d.value = f.plan.value(d, n)
	}
	f.made = append(f.made, d)
	return d.value
}

// value returns what the plan wants for a data choice among n, 0 if it says nothing or what cannot be.
func (p *plan) value(d datum, n int) int {
	for _, w := range p.data {
		if w.task == d.task && w.nth == d.nth && w.value < n {
			return w.value
		}
	}
	return 0
}

func (f *follower) End(*Result) {}
