package sched

import "slices"

// raceFinder looks in an execution for pairs of conflicting steps that nothing else orders, and adds to the node before the first of
// each pair a task with which the other order comes about.
type raceFinder struct {
	order  order
	nodes  []node
	found  []int // steps that race with the one looked at
	turned []int // those of them whose reversal is certain to be possible
	firsts []firstStep
	past   []int32 // the clock that initials looks at
	blind  bool    // sleepers is left out: for the test that shows what it is for
}

// firstStep is the first step that a task takes in a sequence of steps.
type firstStep struct{ task, number int32 }

// find looks at the steps from fresh on; the races among earlier ones were found in an earlier execution.
func (f *raceFinder) find(j *journal, nodes []node, fresh int) {
	f.nodes = nodes
	f.order.begin(j)
	next, since := 0, 0
	for i := 0; i <= len(j.steps); i++ {
		for ; next < len(j.quiets) && int(j.quiets[next].at) == i; next++ {
			if i > fresh {
				f.blocked(next, i, since)
			}
			f.order.cross(i)
			since = i
		}
		if i == len(j.steps) {
			break
		}
		f.order.add(i)
		if i >= fresh {
			s := &j.steps[i]
			f.racesOf(racer{s.task, s.prev, i, s.mayBlock}, j.footprint(i), since)
		}
	}
	if !f.blind {
		f.sleepers(fresh)
	}
}

// blocked looks for the races of the operations that were blocked at a quiet moment: in another order they might not be.
func (f *raceFinder) blocked(q, at, since int) {
	j := f.order.j
	for _, p := range j.blockedAt(q) {
		prev := f.lastBefore(p.task, at)
		foot := [1]access{p.access}
		f.racesOf(racer{p.task, prev, at, true}, foot[:], since)
	}
}

// lastBefore returns the last step that a task took before a step, or the one that started it.
func (f *raceFinder) lastBefore(task int32, at int) int32 {
	prev := f.order.j.last[task]
	for prev >= int32(at) && f.order.j.steps[prev].task == task {
		prev = f.order.j.steps[prev].prev
	}
	return prev
}

// racer is the step whose races are looked for.
type racer struct {
	task     int32
	prev     int32 // the task's step before, -1 for none
	at       int   // its place in the execution
	mayBlock bool
}

// racesOf goes through the conflicting steps that were taken before r and might be taken after it, the latest first. One that r
// could not have overtaken, because it ended what r waited for, does not stop the search for earlier ones.
func (f *raceFinder) racesOf(r racer, foot []access, since int) {
	f.found, f.turned = f.found[:0], f.turned[:0]
	for _, a := range foot {
		f.conflicts(r, a, since)
	}
	slices.Sort(f.found)
	f.found = slices.Compact(f.found)
	for k := len(f.found) - 1; k >= 0; k-- {
		i := f.found[k]
		if !f.covered(i) && f.reverse(i, r, foot) {
			f.turned = append(f.turned, i)
		}
	}
}

// conflicts collects the steps that touched a's object and that r's task had not heard of before r.
func (f *raceFinder) conflicts(r racer, a access, since int) {
	list := f.order.objs.at(a.obj)
	for k := len(list) - 1; k >= 0; k-- {
		i := int(list[k].step)
		if i >= r.at {
			continue
		}
		if i < since {
			return
		}
		if r.prev >= 0 && f.order.before(i, int(r.prev)) {
			if list[k].mode == writes {
				return
			}
			continue
		}
		if conflicting(list[k].mode, a.mode) {
			f.found = append(f.found, i)
		}
	}
}

// covered says whether i is ordered before r only through a step whose race with r is seen to: reversing that one comes first.
func (f *raceFinder) covered(i int) bool {
	for _, k := range f.turned {
		if f.order.before(i, k) {
			return true
		}
	}
	return false
}

// reverse sees to it that the node before step i tries a task with which r can come before i. It returns whether r could certainly
// have been taken there.
func (f *raceFinder) reverse(i int, r racer, foot []access) bool {
	n := &f.nodes[i]
	f.pastWithout(i, r, foot)
	initials := f.initials(i+1, r.at, r.task)
	if !initials.overlaps(&n.enabled) {
		return false
	}
	n.want(initials)
	return !r.mayBlock || int(r.prev) < i && n.enabled.has(r.task)
}

// pastWithout sets f.past to what would happen before r if i and all that follows from it did not.
func (f *raceFinder) pastWithout(i int, r racer, foot []access) {
	o := &f.order
	f.past = append(f.past[:0], o.barrier...)
	if r.prev >= 0 {
		join(f.past, o.clock(int(r.prev)))
	}
	for _, a := range foot {
		list := o.objs.at(a.obj)
		for k := len(list) - 1; k >= 0 && int(list[k].step) > i; k-- {
			step := int(list[k].step)
			if step < r.at && conflicting(list[k].mode, a.mode) && !o.before(i, step) {
				join(f.past, o.clock(step))
			}
		}
	}
}

// initials returns the tasks that can begin the steps in f.past from step on, of which a step of task is the consequence: of each
// such task's first step there, nothing there is ordered before it.
func (f *raceFinder) initials(from, to int, task int32) (set taskSet) {
	f.firsts = f.firsts[:0]
	for k := from; k < to; k++ {
		s := &f.order.j.steps[k]
		if f.past[s.task] >= s.number && f.first(s.task, s.number, f.order.clock(k)) {
			set.add(s.task)
		}
	}
	if len(f.firsts) == 0 {
		set.add(task)
	}
	return set
}

// first says whether a step is its task's first in the sequence and none of the sequence is ordered before it.
func (f *raceFinder) first(task, number int32, clock []int32) bool {
	for _, o := range f.firsts {
		if o.task == task {
			return false
		}
	}
	f.firsts = append(f.firsts, firstStep{task, number})
	for _, o := range f.firsts[:len(f.firsts)-1] {
		if clock[o.task] >= o.number {
			return false
		}
	}
	return true
}

// sleepers notes for the nodes with sleeping tasks what conflicts with the step that a sleeping task would take there. Its being
// tried there would show this as a race, but it is not tried again; and where a step's footprint depends on what came before
// it, no other execution need show it.
func (f *raceFinder) sleepers(fresh int) {
	for at := range f.order.j.steps {
		n := &f.nodes[at]
		for k := range n.inherited {
			f.sleeper(at, &n.sleep[k], fresh)
		}
		n.settle()
	}
}

func (f *raceFinder) sleeper(at int, z *sleeper, fresh int) {
	f.found = f.found[:0]
	for _, a := range z.foot {
		list := f.order.objs.at(a.obj)
		for k := len(list) - 1; k >= 0 && int(list[k].step) >= at; k-- {
			step := int(list[k].step)
			if conflicting(list[k].mode, a.mode) && f.order.j.steps[step].task != z.task {
				f.found = append(f.found, step)
			}
		}
	}
	slices.Sort(f.found)
	f.found = slices.Compact(f.found)
	for k, step := range f.found {
		if step < fresh || f.follows(step, f.found[:k]) {
			continue
		}
		f.past = append(f.past[:0], f.order.clock(step)...)
		f.nodes[at].wish(z.task, f.initials(at, step, f.order.j.steps[step].task))
	}
}

// follows says whether one of the earlier steps happens before a step.
func (f *raceFinder) follows(step int, earlier []int) bool {
	for _, e := range earlier {
		if f.order.before(e, step) {
			return true
		}
	}
	return false
}
