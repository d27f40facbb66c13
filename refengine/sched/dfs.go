package sched

import (
	"fmt"
	"strconv"
)

// DFS enumerates every schedule, depth first: the first execution never preempts, each next one changes the last decision
// that has an alternative left. When nothing is left, the program is proved for every schedule within the bound.
type DFS struct {
	// maxPreemptions bounds how often a task that could go on is stopped, -1 for no bound. Most bugs need few (CHESS).
	maxPreemptions int
	path           []branch
	depth          int
	preempted      int
	runs           int
	complete       bool
}

// branch is one decision on the current path: alternative pick of n.
type branch struct{ pick, n int }

// NewDFS returns the strategy without a bound on preemptions.
func NewDFS() *DFS { return &DFS{maxPreemptions: -1} }

// NewBoundedDFS returns the strategy that enumerates the schedules with at most max preemptions.
func NewBoundedDFS(max int) *DFS { return &DFS{maxPreemptions: max} }

// Name implements Strategy.
func (d *DFS) Name() string {
	if d.maxPreemptions < 0 {
		return "dfs"
	}
	return "dfs" + strconv.Itoa(d.maxPreemptions)
}

// Begin implements Strategy.
func (d *DFS) Begin() bool {
	if d.complete {
		return false
	}
	if d.runs > 0 && !d.backtrack() {
		d.complete = true
		return false
	}
	d.runs++
	d.depth, d.preempted = 0, 0
	return true
}

func (d *DFS) backtrack() bool {
	for n := len(d.path) - 1; n >= 0; n-- {
		if b := &d.path[n]; b.pick+1 < b.n {
			b.pick++
			d.path = d.path[:n+1]
			return true
		}
	}
	return false
}

// Pick implements Strategy. Alternative 0 is to go on with the current task.
func (d *DFS) Pick(_ *Sched, cur *Task, enabled []*Task) *Task {
	at := indexOf(enabled, cur)
	n := len(enabled)
	if at >= 0 && d.maxPreemptions >= 0 && d.preempted >= d.maxPreemptions {
		n = 1
	}
	k := d.branch(n)
	if at < 0 {
		return enabled[k]
	}
	if k == 0 {
		return cur
	}
	d.preempted++
	if k <= at {
		return enabled[k-1]
	}
	return enabled[k]
}

func indexOf(tasks []*Task, t *Task) int {
	for i := range tasks {
		if tasks[i] == t {
			return i
		}
	}
	return -1
}

// branch returns which alternative the path takes at this depth.
func (d *DFS) branch(n int) int {
	if d.depth == len(d.path) {
		d.path = append(d.path, branch{0, n})
	}
	b := d.path[d.depth]
	if b.n != n {
		panic(fmt.Sprintf("sched: decision %d has %d alternatives, had %d: the program is not deterministic", d.depth, n, b.n))
	}
	d.depth++
	return b.pick
}

// Choose implements Strategy.
func (d *DFS) Choose(_ *Sched, n int) int { return d.branch(n) }

// End implements Strategy.
func (d *DFS) End(*Result) {}

// Complete says whether every schedule has been executed; the number counts them.
func (d *DFS) Complete() (runs int, complete bool) {
	return d.runs, d.complete
}
