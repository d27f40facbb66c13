package around

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/oops"
	"github.com/iomapcheck/iomapcheck/harness/target/vm"
	"github.com/iomapcheck/iomapcheck/harness/wire"
	"github.com/iomapcheck/iomapcheck/harness/xfstests/around/inguest"
)

// Machine runs tests one after another; after one that spoils it, it is of no more use. Tests have one that boots nothing.
type Machine interface {
	// Run runs a test. An error is a fault of ours; then, and where the outcome says Spent, the machine must not be used again.
	Run(ctx context.Context, test inguest.Test, watch func(string)) (Outcome, error)
	Stop()
}

// Outcome is what happened when a test ran.
type Outcome struct {
	inguest.Done
	Output   string // check's
	Console  string // the kernel's, from the test's start to its end
	Findings []oops.Finding
	// Died says that the machine ended, or did not answer, before the test had: why, "" where it did not.
	Died string
	// Diagnosis is where a machine that did not answer was.
	Diagnosis string
}

// Spent says that the kernel is not to be trusted with another test.
func (o Outcome) Spent() bool {
	for _, f := range o.Findings {
		if f.Severity == oops.Crash || f.Kind == oops.HungTask {
			return true
		}
	}
	return o.Died != "" || o.Hang || o.Error != ""
}

// UnsupportedError says that no test can be run in this column on this kernel, with the reason.
type UnsupportedError struct{ Reason string }

func (e *UnsupportedError) Error() string { return e.Reason }

// session is a machine with inguest at work in it.
type session struct {
	view   vm.View
	orders *wire.Conn
	inbox  chan inguest.Report // closed when the machine has ended
	err    error               // why; set before inbox is closed
	cancel context.CancelFunc
	owned  sync.WaitGroup
}

// pipe joins the two directions.
type pipe struct {
	io.Reader
	io.Writer
}

// helperCommand is what the guest's shell runs: this program, which is also PID 1 there.
const helperCommand = "exec /init xfstests in-guest"

// grace is what a machine gets beyond a test's own limit: to read the trace and send what there is, and to be slow.
const grace = 3 * time.Minute

// startSession has a machine that is prepared for a column.
func (m *Machines) startSession(ctx context.Context, column Column, watch func(string)) (*session, error) {
	run, cancel := context.WithCancel(context.Background())
	in, orders := io.Pipe()
	reports, out := io.Pipe()
	s := &session{orders: wire.NewConn(pipe{reports, orders}), inbox: make(chan inguest.Report), cancel: cancel}
	started := make(chan struct{})
	s.owned.Go(func() {
		var said strings.Builder
		code, err := m.target.Shell(run, vm.Shell{
			Device: fsys.Device{Log: m.half}, Stay: true, Command: helperCommand, Station: stationOf(column, m.plain, watch),
			In: in, Out: out, Err: &said, Watch: watch,
			Started: func(v vm.View) { s.view = v; close(started) },
		})
		if err == nil {
			err = fmt.Errorf("the guest's side ended by itself (exit code %d)", code)
		}
		if text := lastLines(said.String(), 1); text != "" {
			err = fmt.Errorf("%w: %s", err, text)
		}
		out.CloseWithError(err)
		in.CloseWithError(err)
	})
	s.owned.Go(func() { s.receive(reports) })
	select {
	case <-started:
	case _, open := <-s.inbox:
		if !open {
			s.Stop()
			return nil, fmt.Errorf("start a machine for tests: %w", s.err)
		}
	case <-ctx.Done():
		s.Stop()
		return nil, context.Cause(ctx)
	}
	return s, nil
}

// receive hands on what the guest reports, until it is gone.
func (s *session) receive(reports *io.PipeReader) {
	defer close(s.inbox)
	for {
		var r inguest.Report
		if err := s.orders.Receive(&r); err != nil {
			s.err = err
			reports.CloseWithError(err)
			return
		}
		s.inbox <- r
	}
}

// Run implements Machine.
func (s *session) Run(ctx context.Context, test inguest.Test, watch func(string)) (Outcome, error) {
	mark := s.view.Mark()
	if err := s.orders.Send(inguest.Order{Test: &test}); err != nil {
		return Outcome{}, fmt.Errorf("hand the test to the guest: %w", err)
	}
	o, err := s.attend(ctx, test, watch)
	if err != nil {
		return o, err
	}
	o.Console, o.Findings = s.view.Since(mark)
	return o, nil
}

// attend waits for the test's end, or the machine's.
func (s *session) attend(ctx context.Context, test inguest.Test, watch func(string)) (Outcome, error) {
	var o Outcome
	limit := time.NewTimer(test.Limit + grace)
	defer limit.Stop()
	for {
		select {
		case r, open := <-s.inbox:
			switch {
			case !open:
				return o.died(s.err)
			case r.Output != "":
				o.Output += r.Output
				watch(lastLines(o.Output, 1))
			case r.Done != nil:
				o.Done = *r.Done
				return o, nil
			}
		case <-limit.C:
			asking, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			o.Diagnosis = s.view.Diagnose(asking)
			o.Died = fmt.Sprintf("the guest did not answer within %v", test.Limit+grace)
			return o, nil
		case <-ctx.Done():
			return o, context.Cause(ctx)
		}
	}
}

// died is the outcome of a machine that has ended: the kernel's doing, or a fault of ours.
func (o Outcome) died(why error) (Outcome, error) {
	var crash *vm.CrashError
	if !errors.As(why, &crash) {
		return o, fmt.Errorf("run the test: %w", why)
	}
	o.Died = crash.Error()
	return o, nil
}

// Stop ends the machine.
func (s *session) Stop() {
	s.cancel()
	for range s.inbox { // the receiver may wait for someone to take a report
	}
	s.owned.Wait()
}
