package sched

import "fmt"

// DPOR enumerates schedules depth first, leaving out those that differ from another only in the order of steps that do not touch
// the same object: source sets and sleep sets over the steps' footprints, which are known once a step has been taken (Abdulla,
// Aronsson, Jonsson and Sagonas, Source Sets, J. ACM 2017). When nothing is left, the program is proved for every schedule, as
// far as its steps declare what they touch; Audit looks for what they do not.
//
// A quiet moment, after which time advances or AwaitBlocked returns, orders all steps before it before all after it. An
// execution that a step limit or a panic cuts short leaves the search incomplete.
type DPOR struct {
	budget   int // executions at most, 0 for no bound
	all      bool
	nodes    []node
	depth    int
	fresh    int // nodes from this one on have their step for the first time
	choice   int // data choices made in the step under way
	runs     int
	pruned   int
	complete bool
	lost     bool // the search cannot become complete
	log      journal
	races    raceFinder
}

// node is one step on the current path.
type node struct {
	enabled   taskSet
	backtrack taskSet // tasks to be tried here
	done      taskSet // tasks tried here, and the one under way
	sleep     []sleeper
	inherited int // how many of sleep came from the node before
	wishes    []wish
	pick      int32
	choices   []branch // the data choices of the step under way
	foot      []access // of the step under way, over all its data choices
}

// sleeper is a task whose next step need not be taken: every schedule with it next has been executed.
type sleeper struct {
	task int32
	foot []access
}

// wish is a demand on a node that counts if a task is wanted there that sleeps: one of initials, too, is to be tried.
type wish struct {
	task     int32
	initials taskSet
}

// want demands that one of the tasks be tried at the node.
func (n *node) want(initials taskSet) {
	if able := initials.and(n.enabled); !initials.overlaps(&n.backtrack) {
		if first := able.least(); first >= 0 {
			n.backtrack.add(first)
		}
	}
}

func (n *node) wish(task int32, initials taskSet) {
	for _, w := range n.wishes {
		if w.task == task && w.initials == initials {
			return
		}
	}
	n.wishes = append(n.wishes, wish{task, initials})
}

// settle makes the wishes demands whose sleeping task is wanted.
func (n *node) settle() {
	for again := true; again; {
		before := n.backtrack
		for _, w := range n.wishes {
			if n.backtrack.has(w.task) {
				n.want(w.initials)
			}
		}
		again = n.backtrack != before
	}
}

// NewDPOR returns the strategy, giving up after a budget of executions, 0 for none. Pruned executions count.
func NewDPOR(budget int) *DPOR { return &DPOR{budget: budget} }

// NewSleepSets returns the strategy with every enabled task tried at every step and sleep sets alone to leave out schedules: a
// check on DPOR, and slower.
func NewSleepSets(budget int) *DPOR { return &DPOR{budget: budget, all: true} }

// Name implements Strategy.
func (d *DPOR) Name() string {
	if d.all {
		return "sleep-sets"
	}
	return "dpor"
}

func (d *DPOR) journal() *journal { return &d.log }

// Complete says whether every schedule has been executed, or one equivalent to it; the number counts those executed to their end.
func (d *DPOR) Complete() (runs int, complete bool) { return d.runs - d.pruned, d.complete && !d.lost }

// Begin implements Strategy.
func (d *DPOR) Begin() bool {
	if d.complete || d.lost || d.budget > 0 && d.runs >= d.budget {
		return false
	}
	if d.runs > 0 && !d.backtrack() {
		d.complete = true
		return false
	}
	d.runs++
	d.depth, d.choice = 0, 0
	return true
}

// backtrack changes the last step that has an alternative left: another data choice, or another task.
func (d *DPOR) backtrack() bool {
	for len(d.nodes) > 0 {
		d.fresh = len(d.nodes) - 1
		n := &d.nodes[d.fresh]
		if n.nextChoice() || n.nextTask() {
			return true
		}
		d.nodes = d.nodes[:d.fresh]
	}
	return false
}

func (n *node) nextChoice() bool {
	for i := len(n.choices) - 1; i >= 0; i-- {
		if b := &n.choices[i]; b.pick+1 < b.n {
			b.pick++
			n.choices = n.choices[:i+1]
			return true
		}
	}
	return false
}

func (n *node) nextTask() bool {
	n.sleep = append(n.sleep, sleeper{n.pick, n.foot})
	var asleep taskSet
	for _, s := range n.sleep {
		asleep.add(s.task)
	}
	left := n.backtrack.minus(n.done).minus(asleep).and(n.enabled)
	n.pick = left.least()
	if n.pick < 0 {
		return false
	}
	n.done.add(n.pick)
	n.choices, n.foot = n.choices[:0], nil // the sleeper keeps the old footprint
	return true
}

// Pick implements Strategy.
func (d *DPOR) Pick(s *Sched, cur *Task, enabled []*Task) *Task {
	d.finishStep()
	if s.used > maxTasks {
		d.lost = true
		return nil
	}
	if d.depth == len(d.nodes) && !d.push(cur, enabled) {
		return nil
	}
	n := &d.nodes[d.depth]
	d.depth++
	d.choice = 0
	for _, t := range enabled {
		if int32(t.id) == n.pick {
			return t
		}
	}
	panic(fmt.Sprintf("sched: task %d cannot take step %d again: the program is not deterministic", n.pick, d.depth))
}

// finishStep adds the step just taken to its node's footprint.
func (d *DPOR) finishStep() {
	if at := d.depth - 1; at >= d.fresh {
		n := &d.nodes[at]
		n.foot = union(n.foot, d.log.footprint(at))
	}
}

// push adds the node of a new step. It returns false if every enabled task sleeps: the execution would only repeat another.
func (d *DPOR) push(cur *Task, enabled []*Task) bool {
	if len(d.nodes) < cap(d.nodes) {
		d.nodes = d.nodes[:len(d.nodes)+1]
	} else {
		d.nodes = append(d.nodes, node{})
	}
	n := &d.nodes[d.depth]
	*n = node{sleep: n.sleep[:0], wishes: n.wishes[:0], choices: n.choices[:0], pick: -1}
	for _, t := range enabled {
		n.enabled.add(int32(t.id))
	}
	asleep := d.inherit(n)
	n.inherited = len(n.sleep)
	awake := n.enabled.minus(asleep)
	if n.pick = awake.least(); n.pick < 0 {
		d.nodes = d.nodes[:d.depth]
		return false
	}
	if cur != nil && awake.has(int32(cur.id)) {
		n.pick = int32(cur.id)
	}
	n.done.add(n.pick)
	n.backtrack.add(n.pick)
	if d.all {
		n.backtrack = n.enabled
	}
	return true
}

// inherit fills a node's sleep set from its parent's: who slept, or was tried, and is independent of the step taken there.
func (d *DPOR) inherit(n *node) (asleep taskSet) {
	if d.depth == 0 {
		return asleep
	}
	parent, foot := &d.nodes[d.depth-1], d.log.footprint(d.depth-1)
	for _, s := range parent.sleep {
		if s.task != parent.pick && independent(s.foot, foot) {
			n.sleep = append(n.sleep, s)
			asleep.add(s.task)
		}
	}
	return asleep
}

// Choose implements Strategy: it enumerates.
func (d *DPOR) Choose(_ *Sched, n int) int {
	at := &d.nodes[d.depth-1]
	if d.choice == len(at.choices) {
		at.choices = append(at.choices, branch{0, n})
	}
	b := at.choices[d.choice]
	if b.n != n {
		panic(fmt.Sprintf("sched: step %d chooses among %d, had %d: the program is not deterministic", d.depth, n, b.n))
	}
	d.choice++
	return b.pick
}

// End implements Strategy: it looks for steps of this execution that could be taken in another order.
func (d *DPOR) End(r *Result) {
	d.finishStep()
	switch {
	case d.log.inexact || r.Outcome != Done && r.Outcome != Deadlock && r.Outcome != Pruned:
		d.lost = true
	case r.Outcome == Pruned:
		d.pruned++
	}
	if !d.all && !d.lost {
		d.races.find(&d.log, d.nodes, d.fresh)
	}
}
