package judge

import (
	"slices"
	"sort"

	"github.com/iomapcheck/iomapcheck/harness/history"
)

// order: an operation must not return before the one it names has begun.
func (r *run) order(c *call) *Result {
	label := c.step.Op.Expect.NotBefore
	if label == "" {
		return nil
	}
	later, _ := r.program.Find(label)
	begun := r.byOp[later.N]
	switch {
	case len(begun) == 0:
		return c.on(Fail, RuleOrder, "returned although %s never began", later.Op.Line(later.N))
	case c.ret < begun[0].inv:
		return c.on(Fail, RuleOrder, "returned before %s began", later.Op.Line(later.N))
	}
	return nil
}

// progress: fewer than N system calls and memory accesses of a task that began after an operation have returned before it
// returns. An operation that never returns is rule 2's.
func (r *run) progress() *Result {
	byTask := map[string][]*call{}
	for _, c := range r.byReturn() {
		b := c.step.Op.Expect.Before
		if b == nil {
			continue
		}
		if byTask[b.Task] == nil {
			byTask[b.Task] = r.dataOf(b.Task)
		}
		if n := overtook(byTask[b.Task], c); n >= b.N {
			return c.on(Fail, RuleProgress, "%d later operations of %s returned before it did, want fewer than %d", n, b.Task, b.N)
		}
	}
	return nil
}

// dataOf lists the system calls and memory accesses of a task, in the order in which they began.
func (r *run) dataOf(task string) []*call {
	data := map[int]bool{}
	for _, s := range r.steps {
		data[s.N] = s.Task == task && s.Op.Verb.IsData()
	}
	var out []*call
	for _, c := range r.calls {
		if data[c.step.N] {
			out = append(out, c)
		}
	}
	return out
}

// overtook counts the calls that began after c did and returned before it.
func overtook(calls []*call, c *call) int64 {
	var n int64
	first := sort.Search(len(calls), func(i int) bool { return calls[i].inv > c.inv })
	for _, other := range calls[first:] {
		if other.inv > c.ret {
			break
		}
		if other.ret < c.ret {
			n++
		}
	}
	return n
}

// complete demands at the end, when no rule has found anything, that the history is whole: otherwise nothing was judged.
func (r *run) complete() *Result {
	for _, c := range r.calls {
		if c.stuck() && !isFlow(c.step.Op.Verb) {
			return c.on(Infra, RuleAssumption, "it never returned and nothing says that the run is over: the history is cut off")
		}
	}
	for _, s := range r.steps {
		if s.Op.Verb.IsData() && len(r.byOp[s.N]) == 0 {
			if r.wasKilled(s.Task) || r.neverBegan(s) {
				continue
			}
			if c := r.failedRemount(); c != nil && c.step.N < s.N {
				return c.on(Unexercised, RuleWitness, "it failed with %s, so that %s never began", c.errno, s.Op.Line(s.N))
			}
			return about(Infra, RuleAssumption, s, "it never began: the history is cut off or of another program")
		}
	}
	return r.finalsComplete()
}

// finalsComplete demands that every file was read by every path. An errno of a path after the remount stands for all that come
// after the remount: there may be no file system to read.
func (r *run) finalsComplete() *Result {
	for _, f := range r.names {
		read := map[string]bool{}
		for _, e := range r.finals {
			if e.File != f {
				continue
			}
			read[e.Path] = true
			if e.Path == string(history.FinalRemountBuffered) && e.Errno != "" {
				read[string(history.FinalRemountDirect)] = true
			}
			if slices.ContainsFunc(e.Data, untold) {
				return general(Infra, RuleAssumption, "finally %s, %s: what was read is in too many pieces to be told whole", f, e.Path)
			}
		}
		for _, path := range finalPathsInOrder() {
			if !read[string(path)] {
				return general(Infra, RuleAssumption, "the final reads are incomplete: %s was not read %s", f, path)
			}
		}
	}
	return nil
}

// finalPathsInOrder are the ways in which every file is read after the run.
func finalPathsInOrder() []history.FinalPath {
	return []history.FinalPath{history.FinalMapped, history.FinalBuffered, history.FinalDirect, history.FinalSync,
		history.FinalDropped, history.FinalRemountBuffered, history.FinalRemountDirect}
}
