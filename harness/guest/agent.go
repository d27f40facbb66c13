package guest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/blockdev"
	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// agent obeys the host. One goroutine receives; a job runs on another, so that answers to what it asks come through.
type agent struct {
	conn *wire.Conn
	jobs sync.WaitGroup
	// shell is the shell under way; only serve touches it.
	shell *shell

	mu      sync.Mutex
	lastAsk int64
	answers map[int64]chan wire.Answer // by Ask.ID
	ready   *ready                     // what a job finds; nil before a preparation and after a job
}

// serve obeys until the host closes the port.
func (a *agent) serve() error {
	for {
		var m wire.ToGuest
		if err := a.conn.Receive(&m); err != nil {
			return err
		}
		switch {
		case m.Job != nil:
			a.jobs.Add(1)
			go func() {
				defer a.jobs.Done()
				done := a.job(*m.Job)
				_ = a.conn.Send(wire.ToHost{Done: &done})
			}()
		case m.Wake != nil:
			if err := wake(*m.Wake); err != nil {
				return err
			}
		case m.Prepare != nil:
			a.jobs.Go(func() {
				prepared := a.prepare(*m.Prepare)
				_ = a.conn.Send(wire.ToHost{Prepared: &prepared})
			})
		case m.Answer != nil:
			a.deliver(*m.Answer)
		case m.Shell != nil:
			a.startShell(*m.Shell)
		case m.Input != nil && a.shell != nil:
			a.shell.input <- *m.Input
		case m.SelfTest != "":
			if err := a.misbehave(m.SelfTest); err != nil {
				return err
			}
		}
	}
}

func (a *agent) deliver(answer wire.Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ch := a.answers[answer.ID]; ch != nil {
		ch <- answer
		delete(a.answers, answer.ID)
	}
}

// ask puts a question to the host and waits for the answer.
func (a *agent) ask(ctx context.Context, op string) (wire.Answer, error) {
	return a.put(ctx, wire.Ask{Op: op})
}

// put is ask for a question with more to it; it gets an ID here.
func (a *agent) put(ctx context.Context, question wire.Ask) (wire.Answer, error) {
	ch := a.expect(&question)
	if err := a.conn.Send(wire.ToHost{Ask: &question}); err != nil {
		return wire.Answer{}, err
	}
	return await(ctx, ch)
}

// expect gives a question its ID, and where its answer will be.
func (a *agent) expect(question *wire.Ask) <-chan wire.Answer {
	ch := make(chan wire.Answer, 1)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lastAsk++
	question.ID = a.lastAsk
	a.answers[question.ID] = ch
	return ch
}

func await(ctx context.Context, ch <-chan wire.Answer) (wire.Answer, error) {
	select {
	case answer := <-ch:
		return answer, nil
	case <-ctx.Done():
		return wire.Answer{}, context.Cause(ctx)
	}
}

// emit sends an event. A host that is gone takes the machine with it, so there is nobody to tell of a failure.
func (a *agent) emit(e history.Event) { _ = a.conn.Send(wire.ToHost{Event: &e}) }

func (a *agent) phase(name string) { _ = a.conn.Send(wire.ToHost{Phase: name}) }

// remoteDisk is the host's disk, which is the guest's device.
type remoteDisk struct {
	a      *agent
	device string
}

func (d remoteDisk) do(ctx context.Context, op prog.Op) error {
	answer, err := d.a.ask(ctx, op.String())
	switch {
	case err != nil:
		return err
	case answer.Missed:
		return &exec.NotProvokedError{Why: answer.Error}
	case answer.Error != "":
		return errors.New(answer.Error)
	}
	return nil
}

func (d remoteDisk) Hold(ctx context.Context, op prog.Op) error { return d.do(ctx, op) }
func (d remoteDisk) AwaitHeld(ctx context.Context, n int64) error {
	return d.do(ctx, prog.AwaitHeld(n))
}
func (d remoteDisk) Release(ctx context.Context, op prog.Op) error { return d.do(ctx, op) }
func (d remoteDisk) Fail(ctx context.Context, op prog.Op) error    { return d.do(ctx, op) }
func (d remoteDisk) Record(ctx context.Context, on bool) error     { return d.do(ctx, prog.Record(on)) }

// Heal makes the host's disk an honest one again.
func (d remoteDisk) Heal(ctx context.Context) error {
	_, err := d.a.ask(ctx, wire.Heal)
	return err
}

// Settle reads from the device's end, past every hold: the disk's server takes the requests of the device's one queue in order
// and answers at once what it does not hold. A disk that is full of what it holds is as settled as it gets, and would not see the read.
func (d remoteDisk) Settle(ctx context.Context) (int64, error) {
	if answer, err := d.a.ask(ctx, wire.Requests); err != nil || answer.Full {
		return answer.Value, err
	}
	if err := blockdev.Fence(ctx, d.device); err != nil {
		return 0, err
	}
	answer, err := d.a.ask(ctx, wire.Requests)
	return answer.Value, err
}

// checkClock compares the clocks again at the end, and widens the error by what they have drifted apart.
func (a *agent) checkClock(done *wire.Done) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	offset, bound, err := a.clock(ctx)
	if err != nil {
		return // the host is gone, or the job was given up: nobody reads the clock
	}
	drift := offset - done.Offset
	done.ClockError = max(done.ClockError, bound) + max(drift, -drift)
}

// clock finds how far the host's clock is ahead of ours, by the exchange of several that took the least time.
func (a *agent) clock(ctx context.Context) (offset, bound int64, err error) {
	for i := range 5 {
		before := exec.Now()
		answer, err := a.ask(ctx, wire.Clock)
		if err != nil {
			return 0, 0, err
		}
		after := exec.Now()
		if half := (after - before) / 2; i == 0 || half < bound {
			offset, bound = answer.Value-(before+half), half
		}
	}
	return offset, bound, nil
}

// selfTest misbehaves on request.
func selfTest(how string) error {
	switch how {
	case "panic":
		return os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0)
	case "spin":
		return spin()
	}
	return fmt.Errorf("no self-test is called %q", how)
}

// spin takes every processor for good: real-time threads that never sleep, once nothing limits such threads any more.
func spin() error {
	if err := os.WriteFile("/proc/sys/kernel/sched_rt_runtime_us", []byte("-1"), 0); err != nil {
		return err
	}
	if err := stopFairServer(); err != nil {
		return err
	}
	for range runtime.NumCPU() {
		go func() {
			runtime.LockOSThread()
			attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 99}
			if err := unix.SchedSetAttr(0, &attr, 0); err != nil {
				fmt.Fprintln(os.Stderr, "spin:", err)
			}
			//lint:ignore SA5002 a processor that never comes back is what this is for
			for {
			}
		}()
	}
	return nil
}

// stopFairServer takes from ordinary threads the share of every second that kernels since 6.12 keep for them, whatever the
// limit of the real-time ones (kernel/sched/deadline.c, dl_server).
func stopFairServer() error {
	const debug = "/sys/kernel/debug"
	if err := unix.Mount("debugfs", debug, "debugfs", 0, ""); err != nil && err != unix.EBUSY {
		return fmt.Errorf("mount debugfs: %w", err)
	}
	servers, err := filepath.Glob(debug + "/sched/fair_server/cpu*/runtime")
	if err != nil {
		return err
	}
	for _, s := range servers {
		if err := os.WriteFile(s, []byte("0"), 0); err != nil {
			return fmt.Errorf("stop the fair server: %w", err)
		}
	}
	return nil
}
