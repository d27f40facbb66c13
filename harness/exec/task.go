package exec

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// TaskMain is the main function of a task process. It returns the exit code: 0 once the task has ended and everything is
// reported.
func TaskMain() int {
	// A thread that sleeps in a page fault must not stall the others: no stop of the world, and a processor for everyone.
	debug.SetGCPercent(-1)
	runtime.GOMAXPROCS(runtime.NumCPU() + 32)
	p := newProcess(taskFD)
	if len(os.Args) > 2 && os.Args[2] == spareArg {
		if err := p.beSpare(); err != nil {
			fmt.Fprintln(os.Stderr, "task:", err)
			return 1
		}
	}
	if err := p.serve(); err != nil && err != errClosed {
		fmt.Fprintln(os.Stderr, "task:", err)
		return 1
	}
	return 0
}

// process is a task process: one task, or several that share its address space.
type process struct {
	link *link
	out  sync.Mutex // serialises packets of several threads
	// routed gets why no more orders come; what was read from it has to be put back.
	routed chan error

	mu      sync.Mutex
	replies map[string]chan order // by task
	spec    order
	program prog.Program // protected by mu
	threads sync.WaitGroup
}

func newProcess(fd int) *process {
	return &process{link: newLink(fd), routed: make(chan error, 1), replies: map[string]chan order{}}
}

// serve takes orders until the conductor closes the link or the process's first task has ended.
func (p *process) serve() error {
	if err := p.begin(); err != nil {
		close(p.routed)
		return err
	}
	ended := make(chan struct{})
	p.startThread(p.spec.Task, p.spec.Single, func() { close(ended) })
	go func() { p.routed <- p.route() }()
	select {
	case <-ended:
		p.threads.Wait()
		return nil
	case err := <-p.routed:
		p.routed <- err
		return err
	}
}

// begin takes the order that says what the process is for.
func (p *process) begin() error {
	err := p.link.receive(&p.spec)
	if err != nil {
		return err
	}
	if p.program, err = prog.Parse(p.spec.Program); err != nil {
		return fmt.Errorf("read the program: %w", err)
	}
	return nil
}

// route hands orders to the threads they are for.
func (p *process) route() error {
	for {
		var o order
		if err := p.link.receive(&o); err != nil {
			return err
		}
		if o.Do == "prepare" {
			p.startThread(o.Task, o.Single, func() {})
			continue
		}
		p.inbox(o.Task) <- o
	}
}

func (p *process) inbox(task string) chan order {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.replies[task] == nil {
		p.replies[task] = make(chan order, 4)
	}
	return p.replies[task]
}

// startThread runs a task on a thread of its own.
func (p *process) startThread(task string, single int, ended func()) {
	p.threads.Add(1)
	go func() {
		defer ended()
		defer p.threads.Done()
		runtime.LockOSThread()
		debug.SetPanicOnFault(true)
		t := newTask(p, task, single)
		err := t.run()
		t.files.close()
		msg := report{Say: "ended", Task: task}
		if err != nil {
			msg.Error = err.Error()
		}
		_ = p.send(msg)
	}()
}

func (p *process) send(r report) error {
	p.out.Lock()
	defer p.out.Unlock()
	return p.link.send(r)
}

// task interprets the operations of one task.
type task struct {
	p     *process
	name  string // as the history names it: a may-block operation counts as its parent task's
	key   string // as the conductor addresses it
	ops   []prog.Op
	first int // the number of ops[0]
	files *files
	aio   *aio
	inbox chan order
}

func newTask(p *process, key string, single int) *task {
	t := &task{p: p, key: key, inbox: p.inbox(key)}
	program := p.theProgram()
	t.name, t.ops, t.first = find(program, key, single, p.spec.Resume)
	if p.branches(key) {
		t.ops = ahead(t.ops, p.spec.BranchAt)
	}
	t.files = newFiles(p.spec.Root, program)
	t.aio = &aio{}
	return t
}

// find is what the task with that key runs: a task's body, or one operation.
func find(p prog.Program, key string, single, resume int) (name string, ops []prog.Op, first int) {
	if key == "main" {
		return "main", behind(p.Ops, resume), resume
	}
	for _, s := range p.Steps() {
		switch {
		case single >= 0 && s.N == single:
			op := s.Op
			op.Expect.MayBlock = false
			return s.Task, []prog.Op{op}, s.N
		case single < 0 && s.Op.Verb == prog.VGo && s.Op.Task == key:
			return key, s.Op.Body, s.N + 1
		}
	}
	return key, nil, 0
}

// run opens what the task needs, waits for the go, and carries its operations out.
func (t *task) run() error {
	if err := t.files.open(t.ops); err != nil {
		return err
	}
	if err := t.p.send(report{Say: "ready", Task: t.key, TID: unix.Gettid()}); err != nil {
		return err
	}
	if o := <-t.inbox; o.Do != "go" {
		return fmt.Errorf("task %s: expected go, got %s", t.key, o.Do)
	}
	if t.key == finalKey {
		return t.finally()
	}
	err := t.all(t.ops, t.first, 0)
	if err == nil && t.p.branches(t.key) {
		err = t.goOn()
	}
	if err != errStop {
		return err
	}
	return nil
}

// errStop ends a task whose program did not come to its situation.
var errStop = errors.New("stopped")

// all carries out ops, of which the first has number n.
func (t *task) all(ops []prog.Op, n, iter int) error {
	for _, op := range ops {
		if err := t.one(op, n, iter); err != nil {
			return err
		}
		n += prog.Size([]prog.Op{op})
	}
	return nil
}

func (t *task) one(op prog.Op, n, iter int) error {
	switch {
	case op.Verb == prog.VRepeat:
		for i := range int(op.Count) {
			if err := t.all(op.Body, n+1, iter*int(op.Count)+i); err != nil {
				return err
			}
		}
		return nil
	case op.Verb == prog.VUntil:
		return t.until(op, n)
	case op.Verb.IsData() && !op.Expect.MayBlock:
		return t.data(op, n, iter)
	}
	return t.control(op, n, iter)
}

// until repeats the body until the watched task has ended.
func (t *task) until(op prog.Op, n int) error {
	for i := 0; ; i++ {
		if err := t.all(op.Body, n+1, i); err != nil {
			return err
		}
		if ended, err := t.ask(n); ended || err != nil {
			return err
		}
	}
}

// control has the conductor carry out an operation of the harness's own, or start one that may block.
func (t *task) control(op prog.Op, n, iter int) error {
	quiet := op.Verb.IsData() // its own process reports it
	if op.Verb == prog.VRemount {
		t.files.close()
	}
	if !quiet {
		t.emit(history.Event{Kind: history.Invoke, Time: now(), Op: n, Iter: iter})
	}
	o, err := t.order(n)
	if err != nil {
		return err
	}
	if !quiet {
		t.emit(history.Event{Kind: history.Return, Time: now(), Op: n, Iter: iter, Errno: o.Errno})
	}
	switch {
	case o.Errno != "":
		return errStop // without the file system there is nothing to go on with
	case op.Verb == prog.VRemount:
		return t.files.open(t.ops)
	}
	return nil
}

// ask asks the conductor a question, or for an operation that has no errno of its own.
func (t *task) ask(n int) (bool, error) {
	o, err := t.order(n)
	return o.Value, err
}

// order asks the conductor and waits for its reply.
func (t *task) order(n int) (order, error) {
	if err := t.p.send(report{Say: "ask", Task: t.key, Op: n}); err != nil {
		return order{}, err
	}
	o := <-t.inbox
	switch {
	case o.Stop:
		return o, errStop
	case o.Error != "":
		return o, fmt.Errorf("%s: %s", t.askedFor(n), o.Error)
	}
	return o, nil
}

// askedFor names what an ask is about.
func (t *task) askedFor(n int) string {
	switch n {
	case askDropCaches:
		return "final drop-caches"
	case askRemount:
		return "final remount"
	case askBranch:
		return "branch"
	}
	return fmt.Sprintf("op %d", n)
}

func (t *task) emit(e history.Event) {
	e.Task = t.name
	// The conductor is gone only when the run has been given up: then nobody listens, and the process is about to be killed.
	_ = t.p.send(report{Say: "event", Task: t.key, Event: &e})
}
