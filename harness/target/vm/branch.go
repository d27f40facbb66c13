package vm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/observe"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/wire"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// Programs that begin alike share their beginning: dirty page cache, tasks asleep in the kernel, requests that the disk holds.
//
//	prepared level ──▶ beginner   runs operations [0, at), asks how to go on, and is frozen without an answer
//	                      │
//	                      ├── copy ── answer: program A ── its operations [at, …) ── final reads
//	                      └── copy ── answer: program B ── …
//
// A frozen QEMU must not have requests under way, so the disk shelves those that it holds, and the copies ask for them again; see disk.Shelve.
// Every copy's history begins with what the beginner has told.

// beginning is what a level of its own stands for: main's operations before at, of a program that is one of several with them.
type beginning struct {
	of  *level // the prepared level it begins on
	job target.Job
	at  int
}

// midway is where a frozen beginner stands.
type midway struct {
	disk     *disk.Shelved
	ask      int64           // the ID of the guest's question
	events   []history.Event // on the guest's clock
	requests int64
	console  string
	nonce    string
	ahead    *int64
}

// errNotBegun says that there is no machine that has begun the program.
var errNotBegun = errors.New("no machine has begun the program")

// begunCopy is a copy, not woken yet, of a machine that has begun the job's program; errNotBegun if there is none, as it is for the first job of
// several.
func (t *Target) begunCopy(ctx context.Context, prepared *level, job target.Job) (*machine, error) {
	if job.Branch == 0 || job.Hangs || t.config.AtStart != nil {
		return nil, errNotBegun
	}
	b := &beginning{of: prepared, job: job, at: job.Branch}
	key, err := b.key()
	if err != nil {
		return nil, err
	}
	return t.fresh(ctx, t.begunLevel(key, b))
}

// key names everything that a machine which has begun depends on.
func (b *beginning) key() (string, error) {
	trace, err := json.Marshal(observe.Wanted(b.job.Program))
	if err != nil {
		return "", fmt.Errorf("encode tracing: %w", err)
	}
	parts := []string{"begun", b.of.key, string(trace), fmt.Sprint(b.at)}
	for _, s := range b.job.Program.Steps()[:b.at] {
		parts = append(parts, s.Op.String())
	}
	for _, f := range b.job.Program.Files() {
		parts = append(parts, f, fmt.Sprint(b.job.Program.Extent(f)))
	}
	return cache.Key(parts...), nil
}

func (t *Target) begunLevel(key string, b *beginning) *level {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.beginnings[key]
	if l == nil {
		l = &level{key: key, shape: b.of.shape, hello: b.of.hello, fs: b.of.fs, begun: b, booted: b.of.booted}
		t.beginnings[key] = l
	}
	return l
}

// makeBegun has a machine of the prepared level begin, and freezes it.
func (t *Target) makeBegun(ctx context.Context, l *level) (*warmed, error) {
	m, err := t.awake(ctx, l.begun.of, t.fresh)
	if err != nil {
		return nil, err
	}
	mid, err := m.begin(ctx, l.begun)
	if err == nil {
		w := &warmed{m: m, midway: mid}
		if w.frozen, err = m.vm.Freeze(ctx); err == nil {
			return w, nil
		}
	}
	m.stop()
	return nil, err
}

// begin runs the program's beginning and parks the machine there.
func (m *machine) begin(ctx context.Context, b *beginning) (*midway, error) {
	r := m.newRun(b.job)
	defer r.control.stop()
	r.branchAt = b.at
	if err := r.program(ctx, wire.BranchLine); err != nil {
		return nil, err
	}
	if err := r.mayBranch(); err != nil {
		return nil, err
	}
	mid := &midway{ask: r.branched.ID, nonce: r.nonce, ahead: m.log.clocks()}
	mid.console, _ = m.log.since(r.text, r.findings)
	return mid, r.park(ctx, mid)
}

// mayBranch says what speaks against copies of the machine as it stands.
func (r *run) mayBranch() error {
	_, found := r.m.log.since(r.text, r.findings)
	switch {
	case r.branched == nil || r.branched.Clock == nil:
		return fmt.Errorf("the program ended in it: %s", r.refusal())
	case len(found) > 0:
		return fmt.Errorf("the kernel complained: %s", found[0].Title)
	case r.control.waiting.Load() > 0:
		return errors.New("a task waits for requests to be held")
	case len(r.m.disk.Held()) >= maxUnderWay:
		return errors.New("the disk is full of what it holds")
	}
	return nil
}

// park stops the machine and takes from the host's side of it what its copies need.
func (r *run) park(ctx context.Context, mid *midway) error {
	m := r.m
	ctx, cancel := context.WithTimeout(ctx, r.limits.save)
	defer cancel()
	err := m.vm.Park(ctx, func() (err error) {
		mid.disk, err = m.disk.Shelve()
		return err
	})
	if err != nil {
		return err
	}
	mid.events = r.timeline.events(m.born, r.branched.Clock.Offset)
	mid.requests = r.timeline.asked()
	return unread(m.vm.Control)
}

// unread says whether the guest's machine has not taken in all that it was sent: a copy would never get it.
func unread(conn net.Conn) error {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return errors.New("the control port is no socket")
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return fmt.Errorf("look at the control port: %w", err)
	}
	left, failed := 0, error(nil)
	if err := raw.Control(func(fd uintptr) { left, failed = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) }); err != nil {
		return fmt.Errorf("look at the control port: %w", err)
	}
	if failed == nil && left > 0 {
		failed = fmt.Errorf("%d bytes for the guest were not taken", left)
	}
	return failed
}

// goOn has the copy of a machine that has begun the program carry out the rest of it.
func (r *run) goOn(ctx context.Context) error {
	mid := r.m.midway
	r.phase, r.started, r.nonce = "run", true, mid.nonce
	r.job.Watch(r.phase)
	r.timeline.follow(mid.events, mid.requests)
	r.m.log.adopt(mid.ahead)
	r.heard = r.m.log.await(r.nonce)
	if err := r.m.wake(ctx); err != nil {
		return err
	}
	if err := r.awaitBack(ctx); err != nil {
		return err
	}
	answer := wire.Answer{ID: mid.ask, Program: r.job.Program.String()}
	if err := r.m.conn.Send(wire.ToGuest{Answer: &answer}); err != nil {
		return fmt.Errorf("tell the guest how to go on: %w", err)
	}
	return r.hearAll(ctx, r.limits.run)
}

// awaitBack waits for what was held where the program began to be held here as well.
func (r *run) awaitBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.limits.held)
	defer cancel()
	return r.m.disk.AwaitBack(ctx)
}
