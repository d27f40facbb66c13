package sched

// order is the happens-before relation of a journal's steps: each task's steps in their order, a task's first step after the one
// that started it, conflicting steps in the order they were taken in, and all of them across a quiet moment.
type order struct {
	j       *journal
	tasks   int     // of the execution: the length of a clock
	clocks  []int32 // by step, then task: how many of the task's steps happened before the step, or are it
	barrier []int32 // the clock of the last quiet moment
	objs    objTable
}

// objTable lists who touched each object, in order: of NewObj's objects, of tasks' ends and of parts.
type objTable struct {
	lists [3][][]touched
	used  []*[]touched // those that are not empty
}

// touched is an access as an object sees it.
type touched struct {
	step int32
	mode mode
}

// at returns an object's list.
func (o *objTable) at(obj ObjID) []touched {
	if list := o.list(obj); list != nil {
		return *list
	}
	return nil
}

func (o *objTable) list(obj ObjID) *[]touched {
	kind, i := o.lists[obj>>30&3%3], int(obj&^(3<<30))
	if i >= len(kind) {
		return nil
	}
	return &kind[i]
}

func (o *objTable) add(obj ObjID, t touched) {
	kind, i := &o.lists[obj>>30&3%3], int(obj&^(3<<30))
	if i >= len(*kind) {
		o.grow(kind, i+1)
	}
	list := &(*kind)[i]
	if len(*list) == 0 {
		o.used = append(o.used, list)
	}
	*list = append(*list, t)
}

// grow makes room. The lists move: those in use are looked up again.
func (o *objTable) grow(kind *[][]touched, n int) {
	*kind = append(*kind, make([][]touched, max(n, 2*len(*kind))-len(*kind))...)
	o.used = o.used[:0]
	for k := range o.lists {
		for i := range o.lists[k] {
			if len(o.lists[k][i]) > 0 {
				o.used = append(o.used, &o.lists[k][i])
			}
		}
	}
}

func (o *objTable) reset() {
	for _, list := range o.used {
		*list = (*list)[:0]
	}
	o.used = o.used[:0]
}

func (o *order) clock(step int) []int32 { return o.clocks[step*o.tasks : (step+1)*o.tasks] }

// before says whether step i happens before step k, or is it.
func (o *order) before(i, k int) bool {
	s := &o.j.steps[i]
	return o.clock(k)[s.task] >= s.number
}

// begin prepares for adding a journal's steps.
func (o *order) begin(j *journal) {
	o.j, o.tasks = j, len(j.last)
	o.objs.reset()
	n := len(j.steps) * o.tasks
	if cap(o.clocks) < n {
		o.clocks = make([]int32, 2*n)
	}
	o.clocks = o.clocks[:n]
	o.barrier = append(o.barrier[:0], make([]int32, o.tasks)...)
}

// add computes a step's clock; all steps before it have been added.
func (o *order) add(i int) {
	s := &o.j.steps[i]
	c := o.clock(i)
	copy(c, o.barrier)
	if s.prev >= 0 {
		join(c, o.clock(int(s.prev)))
	}
	for _, a := range o.j.footprint(i) {
		o.joinConflicts(c, o.objs.at(a.obj), a.mode)
		o.objs.add(a.obj, touched{int32(i), a.mode})
	}
	c[s.task] = s.number
}

// joinConflicts puts a step after all in the list that conflict with its access. What comes before a write is ordered before it.
func (o *order) joinConflicts(c []int32, list []touched, m mode) {
	for k := len(list) - 1; k >= 0; k-- {
		e := list[k]
		if conflicting(e.mode, m) && !o.knows(c, int(e.step)) {
			join(c, o.clock(int(e.step)))
		}
		if e.mode == writes {
			return
		}
	}
}

// knows says whether a clock is after a step.
func (o *order) knows(c []int32, step int) bool {
	s := &o.j.steps[step]
	return c[s.task] >= s.number
}

// cross puts everything that follows after every step before at.
func (o *order) cross(at int) {
	for i := range at {
		s := &o.j.steps[i]
		o.barrier[s.task] = max(o.barrier[s.task], s.number)
	}
}

func join(c, with []int32) {
	for i, v := range with {
		if v > c[i] {
			c[i] = v
		}
	}
}
