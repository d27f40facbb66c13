package model

import (
	"fmt"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/refengine"
	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// interpreter carries a program out on one machine, in one execution.
type interpreter struct {
	job    *plan
	m      *refengine.Machine
	failed error // the machine could not be made
	events []history.Event
	now    int64 // the clock: the number of the last event
	s      *sched.Sched
	// order stands for the order of events: a search that leaves out equivalent schedules must not take two for one that differ in
	// which operation had ended when another began.
	order   sched.ObjID
	tasks   map[string]*task
	pending []*task // operations that may block, each a task of its own
	record  bool
	// high and max are the memory limits that the program has set, in bytes, 0 for none.
	high, max int64
	// console is the engine's kernel log, and inversions how many of the lock order's were known when the execution began.
	console    strings.Builder
	inversions int
	// over: the power was cut, and what the tasks do is no part of the history any more; next is the interpreter that goes on.
	over bool
	next *interpreter
	// closing: main has done its last operation; settled: it has come to its end.
	closing, settled bool
}

// task is a program's task in the engine.
type task struct {
	in    *interpreter
	name  string // in the history
	t     *sched.Task
	files map[string]*refengine.File
	aio   map[string]submitted
	pins  map[pinKey]mm.Pins
	dead  bool // killed for want of memory: it does nothing more
	// open is the operation that the task is in, for reports of hangs.
	open *history.Event
}

type submitted struct {
	aio *refengine.AIO
	op  prog.Op
	mem mm.Buffer
}

// start makes the machine and the program's main task; it is the set-up of an execution.
func start(s *sched.Sched, p *plan) *interpreter {
	in := newInterpreter(s, p)
	config := p.machine
	config.Trace = in.trace
	if in.m, in.failed = refengine.New(s, config); in.failed != nil {
		return in
	}
	if p.retries {
		in.m.WatchLivelock()
	}
	in.m.Disk().Record(in.disk)
	if _, cuts := p.Program.Cut(); cuts {
		in.m.Disk().Blank(target.Unwritten())
	}
	in.spawn(s.Go, "main", "main", func(t *task) {
		for _, name := range p.files {
			in.create(t, name)
		}
		in.volatile(t)
		t.all(p.Program.Ops, 0, 0)
		t.in.settle(t)
	})
	return in
}

// ended says whether a task has done its last operation. Main has more to do then: it waits for the others.
func (in *interpreter) ended(name string) bool {
	if name == "main" {
		return in.closing
	}
	return in.tasks[name].t.Done()
}

func newInterpreter(s *sched.Sched, p *plan) *interpreter {
	return &interpreter{
		s: s, order: s.NewObj(sched.Label{Class: "history"}), job: p, tasks: map[string]*task{}, record: true, inversions: len(s.Inversions()),
	}
}

// spawn starts a task; with is sched's or a task's Go.
func (in *interpreter) spawn(with func(string, func(*sched.Task)) *sched.Task, role, name string, body func(*task)) *task {
	t := &task{in: in, name: name}
	t.renew()
	t.t = with(role, func(st *sched.Task) {
		t.t = st
		body(t)
	})
	in.tasks[role] = t
	return t
}

// renew makes a task one that has opened nothing.
func (t *task) renew() {
	t.files, t.aio, t.pins = map[string]*refengine.File{}, map[string]submitted{}, map[pinKey]mm.Pins{}
}

// create makes an empty file with the attribute that the file system's variant gives it.
func (in *interpreter) create(t *task, name string) {
	f, e := in.m.Create(t.t, name)
	if a := everyFile(in.job.FS); a != "" && e == errno.OK {
		e = f.SetAttr(t.t, attr(a))
	}
	if e != errno.OK && in.failed == nil {
		in.failed = fmt.Errorf("create %s: %s", name, e)
	}
}

// everyFile is the attribute of every file: the variant's own, or what a mount option of it amounts to.
func everyFile(s fsys.Spec) prog.Attr {
	if s.VariantName() == "compress" {
		return prog.AttrCompress
	}
	return prog.Attr(s.Attr())
}

// settle lets go what is held, waits for every task, and reads every file in every way.
func (in *interpreter) settle(t *task) {
	in.m.Disk().Release(t.t, block.Everything())
	in.m.Disk().ClearFaults()
	in.closing = true
	in.reportMemory()
	if in.job.limited {
		in.m.SetMemory(t.t, 0, 0)
	}
	for _, s := range in.job.steps {
		if other := in.tasks[s.Op.Task]; s.Op.Verb == prog.VGo && other != nil {
			t.t.Join(other.t)
		}
	}
	for _, p := range in.pending {
		t.t.Join(p.t)
	}
	in.m.EmptyDisk(t.t)
	// What the final reads show is settled once all work has ended; in which order they and their own requests take their steps shows
	// nothing more, and would multiply the schedules.
	t.t.Calm()
	t.finally()
	in.settled = true
}

// emit appends an event. The engine's clock counts events, so that no two have the same time.
func (in *interpreter) emit(e history.Event) {
	if e.Kind == history.Invoke {
		in.s.Reads(in.order)
	} else {
		in.s.Adds(in.order)
	}
	if in.over {
		return
	}
	in.now++
	e.Time = in.now
	in.events = append(in.events, e)
}

func (in *interpreter) disk(e block.Event) {
	if e.What == block.Arrived || e.What == block.PowerCut || !in.record { // the cut has a note of its own
		return
	}
	out := history.Event{
		Kind: history.Disk, Op: -1, What: history.What(e.What.String()), Request: int64(e.ID), Dir: e.Op.String(),
		Off: e.Range.Off, Len: e.Range.Len(),
	}
	if e.What == block.Failed {
		out.Errno = e.Errno.String()
	}
	in.emit(out)
}

// finish turns the execution's end into its history.
func (in *interpreter) finish(r *sched.Result) (target.Execution, error) {
	in = in.last()
	if in.failed != nil {
		return target.Execution{}, in.failed
	}
	if state := noProgress(r.Outcome); state != "" {
		in.stuck(state, r)
	}
	switch r.Outcome {
	case sched.Panicked:
		return target.Execution{}, fmt.Errorf("the engine broke an invariant of its own: %v (replay with %s)\n%s", r.Panic, r.Token(), r.Stack)
	case sched.StepLimit, sched.Pruned:
		return target.Execution{}, fmt.Errorf("%s: the execution came to no end: %s (replay with %s)", in.job.Name, r.Message, r.Token())
	case sched.Deadlock:
		// Tasks of a machine without power may be left waiting for ever.
		if !in.settled {
			in.deadlock(r)
		}
	}
	in.report()
	in.lockOrder()
	h := &history.History{Header: history.Header{
		Target: "refengine", Kernel: "", FS: in.job.FS.Name(), Variant: in.job.FS.VariantName(),
	}, Events: in.events}
	return target.Execution{History: h, Console: in.console.String(), Replay: r.Token()}, nil
}

// noProgress is the state in which a history says that the scheduler found out that tasks get nowhere, "" for any other end.
func noProgress(o sched.Outcome) string {
	for _, state := range []string{history.Starved, history.Livelock} {
		if o.String() == state {
			return state
		}
	}
	return ""
}

// stuck reports every task that is in the kernel as one that does not get on.
func (in *interpreter) stuck(state string, r *sched.Result) {
	where := blocked(r)
	inKernel := in.inKernel()
	for _, t := range inKernel {
		in.emit(history.Event{Kind: history.Hang, Op: t.open.Op, Iter: t.open.Iter, Task: t.name, Name: state, Where: where, Text: r.Message})
	}
	if len(inKernel) == 0 {
		in.emit(history.Event{Kind: history.Hang, Op: -1, Task: "finally", Name: state, Where: where, Text: r.Message})
	}
}

// blocked is who waits for what, as the scheduler says it.
func blocked(r *sched.Result) []string {
	where := make([]string, len(r.Blocked))
	for i, b := range r.Blocked {
		where[i] = b.String()
	}
	return where
}

// inKernel lists the tasks that are in an operation which the kernel carries out.
func (in *interpreter) inKernel() []*task {
	var out []*task
	for _, s := range append([]string{"main"}, in.roles()...) {
		t := in.tasks[s]
		if t == nil || t.open == nil {
			continue
		}
		if verb := in.job.steps[t.open.Op].Op.Verb; verb.IsData() || verb == prog.VRemount || verb == prog.VDropCaches {
			out = append(out, t)
		}
	}
	return out
}

// deadlock reports who waits for what. Where only the program's own waits are left, its situation did not come about.
func (in *interpreter) deadlock(r *sched.Result) {
	inKernel, where := in.inKernel(), blocked(r)
	// Tasks that wait for requests which the program itself holds do not hang.
	main := in.tasks["main"]
	if main.open == nil && len(inKernel) == 0 {
		// The program has ended: the final reads are stuck.
		in.emit(history.Event{Kind: history.Hang, Op: -1, Task: "finally", Where: where, Text: r.Message})
		return
	}
	if len(inKernel) == 0 || in.awaitsHeld() && len(in.m.Disk().Held()) > 0 {
		in.emit(history.Event{Kind: history.Note, Op: main.open.Op, Task: main.name, Name: exec.NotProvoked, Text: r.Message})
		return
	}
	for _, t := range inKernel {
		in.emit(history.Event{Kind: history.Hang, Op: t.open.Op, Iter: t.open.Iter, Task: t.name, Where: where, Text: r.Message})
	}
}

// awaitsHeld says whether main waits for requests to be held.
func (in *interpreter) awaitsHeld() bool {
	main := in.tasks["main"]
	return main.open != nil && in.job.steps[main.open.Op].Op.Verb == prog.VAwaitHeld
}

func (in *interpreter) roles() []string {
	var roles []string
	for _, s := range in.job.steps {
		if s.Op.Verb == prog.VGo {
			roles = append(roles, s.Op.Task)
		}
		if s.Op.Expect.MayBlock {
			roles = append(roles, opRole(s.N))
		}
	}
	return roles
}

func opRole(n int) string { return fmt.Sprintf("op%d", n) }
