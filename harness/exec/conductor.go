package exec

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// HangError says that tasks did not end before the run's context did. The history has a Hang event for each.
type HangError struct {
	Tasks []string
	Cause error
}

func (e *HangError) Error() string {
	return fmt.Sprintf("tasks %v did not end: %v", e.Tasks, e.Cause)
}

// Run carries the program out and emits its history, up to and including what every file holds at the end. It returns nil when
// every task ended, a *HangError when the context ended first (the processes are killed as far as they can be), and any other
// error for a fault of the harness. The thread that runs a task is in the note "thread", whose N is its number, which is emitted when the task becomes ready.
func Run(ctx context.Context, p prog.Program, env Env) error {
	if err := p.Check(); err != nil {
		return err
	}
	c := &conductor{env: env, course: course{program: p, steps: p.Steps()}, procs: map[string]*proc{}, ops: map[string]openOp{},
		high: prog.NoLimit, max: prog.NoLimit}
	if env.Confirm == 0 {
		c.env.Confirm = 20
	}
	if err := errors.Join(c.mayCut(), c.mayUring()); err != nil {
		return err
	}
	if err := c.createFiles(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c.ctx, c.cancel = ctx, cancel
	err := c.tasks(ctx)
	if err == nil {
		err = c.dismiss(ctx)
	}
	if err == nil {
		err = c.quiescence(ctx)
	}
	if err != nil {
		c.letDiskGo()
	}
	c.killAll()
	if err != nil {
		return err
	}
	c.wg.Wait()
	c.closeLinks()
	return nil
}

// letDiskGo makes the disk an honest one after a program that did not end: tasks that are killed, and the unmount, may need what it holds.
func (c *conductor) letDiskGo() {
	const limit = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_ = c.env.Disk.Heal(ctx) // a host that does not answer has given the program up
}

// closeLinks frees the descriptors; only once nobody uses them any more.
func (c *conductor) closeLinks() {
	for _, p := range c.all() {
		if !p.thread {
			p.link.close()
		}
	}
}

// finalKey is the process that reads every file at the end.
const finalKey = "finally"

// quiescence has every file read in every way once all tasks have ended.
func (c *conductor) quiescence(ctx context.Context) error {
	if err := c.start(ctx, planned{key: finalKey, task: finalKey, single: -1}); err != nil {
		return err
	}
	if err := c.letGo(ctx, finalKey); err != nil {
		return err
	}
	return c.wait(ctx, finalKey)
}

// conductor runs one program.
type conductor struct {
	env Env
	// ctx is the run's: answers to tasks are given on its behalf.
	ctx    context.Context
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup // the readers of the links, and answers under way

	memory    sync.Mutex       // guards the four below and calls of env.Memory
	kills     int64            // of the cgroup, that have explained the end of a process
	high, max int64            // what the program's limits are, in bytes
	own       map[string]int64 // what each task's process needs for itself, by key, in bytes

	hangOnce sync.Once
	hang     error

	mu    sync.Mutex
	procs map[string]*proc  // by key; a thread's proc shares its link with its parent's
	ops   map[string]openOp // by key: the operation the task is in
	// course is what is run. It changes once where the run branches, while tasks go on.
	course course
	// starting is the process that was not ready when the run's context ended, nil if none.
	starting *proc
	over     bool // the run has ended: what processes still say, being killed, is no part of it
}

// course is a program that is run. It does not change.
type course struct {
	program prog.Program
	steps   []prog.Step
	// branched says that it is what Env.Branch gave.
	branched bool
}

// present is what is run now.
func (c *conductor) present() course {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.course
}

// proc is a task, from its start to its end.
type proc struct {
	key, task string // task is the name in the history
	process   *os.Process
	link      *link
	thread    bool
	ready     chan struct{}
	ended     chan struct{}

	// Protected by conductor.mu.
	tid     int  // the thread that runs the operations, 0 until it is ready
	running bool // it was let go
}

// openOp is an operation that was invoked and has not returned.
type openOp struct {
	event history.Event
	open  bool
}

// createFiles makes every file of the program, empty.
func (c *conductor) createFiles() error {
	if c.env.Resume > 0 {
		return nil
	}
	flags := os.O_CREATE | os.O_TRUNC | os.O_RDWR
	if c.env.Fixed {
		flags = os.O_RDWR
	}
	for _, name := range c.present().program.Files() {
		f, err := os.OpenFile(filepath.Join(c.env.Root, name), flags, 0o644)
		if err != nil {
			return fmt.Errorf("create file for the program: %w", err)
		}
		if err := errors.Join(c.attribute(name, int(f.Fd())), f.Close()); err != nil {
			return fmt.Errorf("create file for the program: %w", err)
		}
	}
	return c.keepFiles()
}

// planned is a task process that the program will need.
type planned struct {
	key, task, parent string
	single            int
	thread            bool
}

// plan lists main, the program's tasks, and a process for each operation that may block.
func (c *conductor) plan() []planned {
	run := c.present()
	list := []planned{{key: "main", task: "main", single: -1}}
	for _, s := range run.steps {
		switch {
		case !c.concerns(run, s):
		case s.Op.Verb == prog.VGo:
			list = append(list, planned{key: s.Op.Task, task: s.Op.Task, parent: s.Task, single: -1, thread: s.Op.Thread})
		case s.Op.Expect.MayBlock:
			list = append(list, planned{key: opKey(s.N), task: s.Task, single: s.N})
		}
	}
	return list
}

func opKey(n int) string { return "op " + strconv.Itoa(n) }

// tasks starts everything, lets main go, and waits until all have ended.
func (c *conductor) tasks(ctx context.Context) error {
	if err := c.startAll(ctx); err != nil {
		return err
	}
	c.revived()
	if err := c.letGo(ctx, "main"); err != nil {
		return err
	}
	if err := c.wait(ctx, "main"); err != nil {
		return err
	}
	// What the program left held is let go, so that its tasks can end.
	if err := errors.Join(c.env.Disk.Heal(ctx), c.unlimited(ctx)); err != nil {
		return err
	}
	return c.waitAll(ctx)
}

// startAll makes the tasks ready that are not: all, unless one has to wait.
func (c *conductor) startAll(ctx context.Context) error {
	run, late := c.present(), false
	for _, s := range run.steps {
		late = late || c.concerns(run, s) && (s.Op.Verb == prog.VRemount || s.Op.Verb == prog.VAttr)
	}
	for _, pl := range c.plan() {
		// A remount needs every file closed, and an attribute may change what an open gives: then tasks open theirs only when they
		// are started.
		if c.proc(pl.key) != nil || late && pl.key != "main" {
			continue
		}
		if err := c.start(ctx, pl); err != nil {
			return err
		}
	}
	return nil
}

// start makes a task's process, or its thread, and waits until it is ready.
func (c *conductor) start(ctx context.Context, pl planned) error {
	p := &proc{key: pl.key, task: pl.task, thread: pl.thread, ready: make(chan struct{}), ended: make(chan struct{})}
	o := order{Do: "prepare", Program: c.present().program.String(), Root: c.env.Root, Task: pl.key, Single: pl.single, Resume: c.env.Resume, BranchAt: c.branchAt(pl.key)}
	if c.env.Memory != nil {
		o.Cgroup = c.env.Memory.Dir()
	}
	if pl.thread {
		parent := c.proc(pl.parent)
		p.process, p.link = parent.process, parent.link
		c.register(p)
	} else if err := c.spawn(p); err != nil {
		return err
	}
	if err := p.link.send(o); err != nil {
		return fmt.Errorf("start task %s: %w", pl.key, err)
	}
	select {
	case <-p.ready:
		return c.makeRoom(p)
	case <-p.ended:
		return fmt.Errorf("start task %s: its process died before it was ready (what it said is on the console)", pl.key)
	case <-ctx.Done():
		c.mu.Lock()
		c.starting = p
		c.mu.Unlock()
		return c.gaveUp(ctx)
	}
}

// spawn gives the task a process of its own, a spare one where there is one, and a reader for its link.
func (c *conductor) spawn(p *proc) error {
	s := c.takeSpare(p)
	if s == nil {
		var err error
		if s, err = startProcess(c.sysProcAttr(p)); err != nil {
			return fmt.Errorf("start process for task %s: %w", p.key, err)
		}
	}
	p.process, p.link = s.process, s.link
	c.register(p)
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		c.listen(p)
	}()
	return nil
}

func (c *conductor) register(p *proc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.procs[p.key] = p
}

func (c *conductor) proc(key string) *proc {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.procs[key]
}

// all is every task that was started, in the order of the plan.
func (c *conductor) all() []*proc {
	var list []*proc
	for _, pl := range append(c.plan(), planned{key: finalKey}) {
		if p := c.proc(pl.key); p != nil {
			list = append(list, p)
		}
	}
	return list
}

// letGo lets a prepared task begin, preparing it first if that was put off.
func (c *conductor) letGo(ctx context.Context, key string) error {
	if c.proc(key) == nil {
		for _, pl := range c.plan() {
			if pl.key == key {
				if err := c.start(ctx, pl); err != nil {
					return err
				}
			}
		}
	}
	c.offer(c.proc(key))
	if err := c.proc(key).link.send(order{Do: "go", Task: key}); err != nil {
		return fmt.Errorf("let task %s go: %w", key, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.procs[key].running = true
	return nil
}

// wait waits for a task's end.
func (c *conductor) wait(ctx context.Context, key string) error {
	p := c.proc(key)
	if p == nil {
		return fmt.Errorf("wait for task %s: it was not started", key)
	}
	select {
	case <-p.ended:
		if ctx.Err() != nil {
			return c.gaveUp(ctx)
		}
		return nil
	case <-ctx.Done():
		return c.gaveUp(ctx)
	}
}

// waitAll waits for every task that was let go.
func (c *conductor) waitAll(ctx context.Context) error {
	for _, p := range c.all() {
		if c.isRunning(p) {
			if err := c.wait(ctx, p.key); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *conductor) isRunning(p *proc) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return p.running
}
