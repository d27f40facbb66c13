package sched

// SURW is the selectively uniform random walk (Zhao et al., Selectively Uniform Concurrency Testing, ASPLOS 2025): the events on one
// object, chosen anew for every execution among those that several tasks use, are interleaved uniformly; what lies between them
// runs in any order.
type SURW struct {
	seeded
	focus    ObjID
	intended *Task // whose event on the focus comes next
	weights  map[ObjID]*estimates
	now      *estimates
	events   []float64 // by task, on the focus in this execution
	first    []int32   // by object, the first task seen to use it, plus one; -1 once it is shared
	shared   []ObjID
}

// focusObjects bounds the numbers of the objects that can become the focus: those of set-up come first.
const focusObjects = 512

// NewSURW returns the strategy for a seed.
func NewSURW(seed uint64) *SURW {
	return &SURW{seeded: seeded{seed: seed}, weights: map[ObjID]*estimates{}}
}

// Name implements Strategy.
func (u *SURW) Name() string { return "surw" }

// Begin implements Strategy.
func (u *SURW) Begin() bool {
	u.begin()
	u.focus, u.intended, u.events = 0, nil, u.events[:0]
	if len(u.shared) > 0 {
		u.focus = u.shared[u.below(len(u.shared))]
	}
	if u.weights[u.focus] == nil {
		u.weights[u.focus] = &estimates{}
	}
	u.now = u.weights[u.focus]
	u.now.begin()
	return true
}

// Pick implements Strategy. A task whose event on the focus is not the intended next one waits, if another can go on.
func (u *SURW) Pick(s *Sched, _ *Task, enabled []*Task) *Task {
	u.now.meet(s)
	for len(u.events) < s.used {
		u.events = append(u.events, 0)
	}
	if u.intended == nil || u.intended.alive == 0 {
		u.intended = u.weigh(s.live)
	}
	t := u.other(enabled)
	if t == nil {
		t = u.weigh(enabled)
	}
	u.notice(t)
	return t
}

// other returns a random one of the tasks that are not held back, nil if all are.
func (u *SURW) other(enabled []*Task) *Task {
	n := 0
	for _, t := range enabled {
		if t == u.intended || t.op.Obj != u.focus {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	at := u.below(n)
	for _, t := range enabled {
		if t == u.intended || t.op.Obj != u.focus {
			if at--; at < 0 {
				return t
			}
		}
	}
	return nil
}

// weigh picks among tasks in proportion to the events on the focus that they have left.
func (u *SURW) weigh(tasks []*Task) *Task {
	sum := 0.0
	for _, t := range tasks {
		sum += u.now.left(t, u.events[t.id])
	}
	at := u.fraction() * sum
	for _, t := range tasks {
		if at -= u.now.left(t, u.events[t.id]); at < 0 {
			return t
		}
	}
	return tasks[len(tasks)-1]
}

// notice takes an event into account: whose turn it is on the focus, and which objects are shared.
func (u *SURW) notice(t *Task) {
	obj := t.op.Obj
	if obj == u.focus && obj != 0 {
		u.events[t.id]++
		u.intended = nil
	}
	if obj == 0 || obj >= focusObjects {
		return
	}
	for len(u.first) <= int(obj) {
		u.first = append(u.first, 0)
	}
	switch me := int32(t.id) + 1; u.first[obj] {
	case 0:
		u.first[obj] = me
	case me, -1:
	default:
		u.first[obj] = -1
		u.shared = append(u.shared, obj)
	}
}

func (u *SURW) learn(s *Sched) {
	for len(u.events) < s.used {
		u.events = append(u.events, 0)
	}
	u.now.learn(s, func(t *Task) float64 { return u.events[t.id] })
}
