package vm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/oops"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/wire"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

// run is one job on a machine.
type run struct {
	m        *machine
	job      target.Job
	limits   limits
	timeline timeline
	control  *control
	done     wire.Done
	phase    string
	started  bool   // the program itself runs
	nonce    string // the guest's last line on the console
}

// run carries out a job. An error means that no history came of it; then the machine must not be used again.
func (m *machine) run(ctx context.Context, job target.Job) (*target.Execution, error) {
	text, findings := m.log.mark()
	m.jobs++
	r := &run{m: m, job: job, limits: m.target.limits(), phase: "greet", nonce: fmt.Sprintf("iomapcheck: end of job %d", m.jobs)}
	r.control = newControl(m, job.Program, r.limits.held, &r.timeline)
	if err := m.blankDisk(); err != nil {
		return nil, err
	}
	r.timeline.fence = m.disk.Size() - wire.FenceSize
	m.disk.Record(r.timeline.disk)
	defer m.disk.Record(nil)
	heard := m.log.await(r.nonce)
	if err := m.conn.Send(wire.ToGuest{Job: r.order()}); err != nil {
		return nil, fmt.Errorf("hand the job to the guest: %w", err)
	}
	err := r.attend(ctx)
	if err == nil {
		r.hearOut(ctx, heard)
	}
	r.control.stop()
	m.heal()
	return r.conclude(err, text, findings)
}

// hearOut waits for the console to come up to the end of the job: it comes another way than the guest's messages.
func (r *run) hearOut(ctx context.Context, heard <-chan struct{}) {
	select {
	case <-heard:
	case <-r.m.vm.Done():
	case <-ctx.Done():
	case <-time.After(r.limits.grace):
		r.m.spent = true
	}
}

// heal makes the disk an honest one that holds nothing. What AtStart broke stays broken only until then.
func (m *machine) heal() {
	m.disk.ClearRules()
	m.disk.Release(disk.All())
}

// blankDisk gives the job a disk of zeros that behaves.
func (m *machine) blankDisk() error {
	m.heal()
	blank := disk.New(m.disk.Size())
	defer blank.Close()
	if err := m.disk.Restore(blank.Snapshot()); err != nil {
		return fmt.Errorf("blank the disk: %w", err)
	}
	return nil
}

// order is the job as the guest takes it.
func (r *run) order() *wire.Job {
	spec := r.job.FS
	return &wire.Job{
		Program: r.job.Program.String(), Modules: spec.Modules(), Mkfs: spec.Mkfs("/dev/vda"),
		Device: "/dev/vda", Type: spec.KernelType(), Options: spec.MountOptions(), Flags: uint64(spec.MountFlags()),
		Attr:   spec.Attr(),
		Events: tracedEvents(r.job.Program), Probes: tracedFunctions(r.job.Program),
		RunLimit: int64(r.limits.run), SetupLimit: int64(r.limits.setup), Nonce: r.nonce,
	}
}

// errCrashed and errSilent end a job whose kernel does not go on.
var (
	errCrashed = errors.New("the kernel crashed")
	errSilent  = errors.New("the guest does not answer")
	errGone    = errors.New("the machine ended")
)

// attend takes what the guest says until it is done, dies, or says nothing for longer than its own limits allow.
func (r *run) attend(ctx context.Context) error {
	limit := time.NewTimer(r.limits.setup + r.limits.grace)
	defer limit.Stop()
	for {
		select {
		case msg, ok := <-r.m.inbox:
			if !ok {
				return fmt.Errorf("%w: %w", errGone, r.m.gone(ctx))
			}
			if r.take(msg, limit) {
				return nil
			}
		case <-r.m.log.crashed:
			r.lastWords(ctx)
			return errCrashed
		case <-limit.C:
			return errSilent
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// take handles one message; true at the end of the job.
func (r *run) take(msg wire.ToHost, limit *time.Timer) bool {
	switch {
	case msg.Event != nil:
		r.timeline.guest(*msg.Event)
		r.watchOperation(*msg.Event)
	case msg.Ask != nil:
		r.control.answer(*msg.Ask)
	case msg.Phase != "":
		r.enter(msg.Phase, limit)
	case msg.Done != nil:
		r.done = *msg.Done
		return true
	}
	return false
}

// enter notes what the guest is about to do; the program's own limit starts with the program.
func (r *run) enter(phase string, limit *time.Timer) {
	r.phase = phase
	r.job.Watch(phase)
	if phase != "run" {
		return
	}
	r.started = true
	r.timeline.start()
	limit.Reset(r.limits.run + r.limits.grace)
	if f := r.m.target.config.AtStart; f != nil {
		f(Start{Disk: r.m.disk, Guest: func(how string) error { return r.m.conn.Send(wire.ToGuest{SelfTest: how}) }})
	}
}

// watchOperation tells the watcher which operation the program is at.
func (r *run) watchOperation(e history.Event) {
	if e.Kind != history.Invoke {
		return
	}
	if steps := r.job.Program.Steps(); e.Op >= 0 && e.Op < len(steps) {
		r.job.Watch(fmt.Sprintf("%s is at %s", e.Task, steps[e.Op].Op.Line(e.Op)))
	}
}

// lastWords gives the kernel time to finish its report: until the machine is gone, or the console has been silent for a while.
func (r *run) lastWords(ctx context.Context) {
	const quiet = time.Second
	for {
		before, _ := r.m.log.mark()
		select {
		case <-r.m.vm.Done():
			return
		case <-ctx.Done():
			return
		case <-time.After(quiet):
		}
		if after, _ := r.m.log.mark(); after == before {
			return
		}
	}
}

// conclude makes the execution of what was seen. Faults of ours are errors, with what there is of the history; whatever ends
// the kernel, or keeps it from answering, is in the history.
func (r *run) conclude(err error, text, findings int) (*target.Execution, error) {
	m := r.m
	diagnosis := ""
	switch {
	case err == nil:
		m.spent = m.spent || r.done.Hang || r.done.Dirty
	case errors.Is(err, errSilent):
		m.spent = true
		diagnosis = r.diagnose()
	case errors.Is(err, errCrashed), errors.Is(err, errGone):
		m.spent = true
		m.log.finish()
	default:
		return nil, err
	}
	console, found := m.log.since(text, findings)
	for _, f := range found {
		// The kernel says some things once, and is not to be trusted after others.
		m.spent = m.spent || f.Severity > oops.Info
	}
	x := r.execution(console, found, diagnosis)
	return x, r.fault(err, found, x)
}

// execution is the history with what else there is to keep.
func (r *run) execution(console string, found []oops.Finding, diagnosis string) *target.Execution {
	x := &target.Execution{History: r.history(found), Console: console, Extra: map[string]string{}}
	if diagnosis != "" {
		x.Extra["diagnosis.txt"] = diagnosis
		r.addHang(x.History, diagnosis)
	}
	x.Extra["qemu.txt"] = strings.Join(r.m.vm.Command, " ") + "\n"
	return x
}

// fault is the error of a job that shows nothing of the kernel: it cannot do this, or we failed. What the console reports goes
// before: it may be why we did.
func (r *run) fault(err error, found []oops.Finding, x *target.Execution) error {
	bad := slices.ContainsFunc(found, func(f oops.Finding) bool { return f.Severity >= oops.FSBroken })
	var dead *qemu.BootError
	switch {
	case bad || errors.Is(err, errSilent) || errors.Is(err, errCrashed) || r.done.Hang:
		return nil
	case r.done.Unsupported != "":
		return target.Unsupported("%s", r.done.Unsupported)
	case r.done.Error != "":
		return &target.FaultError{Err: errors.New(r.done.Error), Execution: x}
	case errors.As(err, &dead):
		r.addHang(x.History, dead.Error())
		return nil
	case err != nil:
		return &target.FaultError{Err: fmt.Errorf("the guest was to %s: %w", r.phase, err), Execution: x}
	}
	return nil
}

// diagnose asks a guest that does not answer where it is.
func (r *run) diagnose() string {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return r.m.vm.Diagnose(ctx)
}

// history puts the events of guest, disk and console on one time axis.
func (r *run) history(found []oops.Finding) *history.History {
	h := &history.History{Header: history.Header{
		Target: "vm", Kernel: r.m.hello.Release, FS: r.job.FS.Name(), Variant: r.job.FS.VariantName(),
		BlockSize: r.done.BlockSize, ClockError: r.done.ClockError,
	}}
	if r.done.Offset == 0 {
		h.Header.ClockError = guessed.Nanoseconds()
	}
	h.Events = r.timeline.events(r.m.born, r.offset())
	last := r.timeline.last()
	for _, f := range found {
		h.Events = append(h.Events, consoleEvent(f, last))
	}
	for _, missing := range r.done.Missing {
		h.Events = append(h.Events, history.Event{Kind: history.Note, Time: last, Op: -1, Name: "missing-event", Text: missing})
	}
	return h
}

// guessed bounds the clock error of a history whose guest died before it could compare clocks at the end.
const guessed = 100 * time.Millisecond

// offset is host time minus guest time; when the guest died before it said so, the first event's arrival stands in.
func (r *run) offset() int64 {
	if r.done.Offset != 0 {
		return r.done.Offset
	}
	return r.timeline.guess(r.m.born)
}

// addHang adds the verdict's evidence for a guest that fell silent as a whole.
func (r *run) addHang(h *history.History, diagnosis string) {
	h.Events = append(h.Events, history.Event{
		Kind: history.Hang, Time: r.timeline.last(), Task: "guest", Op: -1,
		Text: fmt.Sprintf("the guest stopped answering (%s)", r.phase), Where: diagnosisFrames(diagnosis),
	})
}
