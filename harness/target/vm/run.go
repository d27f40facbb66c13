package vm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/blockdev"
	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/observe"
	"github.com/iomapcheck/iomapcheck/harness/oops"
	"github.com/iomapcheck/iomapcheck/harness/operate"
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
	started  bool            // the program itself runs
	nonce    string          // the guest's last line on the console
	heard    <-chan struct{} // closed once that has come
	// text and findings are where the console was when the run began.
	text, findings int
	// cut is what the power cut left, once it has come; past is what the one before this run left, and refused the errno with which the
	// kernel refused to mount that. See cut.go.
	cut, past *life
	refused   string
	// branchAt is where the guest is to ask how to go on, 0 for nowhere; branched is its question. See branch.go.
	branchAt int
	branched *wire.Ask
}

// leastHang is the shortest time after which a program that is known to hang is believed to.
const leastHang = 10 * time.Second

// newRun begins a job on a machine. The caller ends it with end.
func (m *machine) newRun(job target.Job) *run {
	m.jobs++
	r := &run{m: m, job: job, limits: m.target.limits(), phase: "greet", nonce: fmt.Sprintf("iomapcheck: end of job %d", m.jobs)}
	if job.Hangs {
		r.limits.run = max(r.limits.run/8, leastHang)
	}
	r.text, r.findings = m.log.mark()
	r.control = newControl(m, job.Program, r.limits.held, &r.timeline)
	r.timeline.fence = m.disk.Size() - blockdev.FenceSize
	m.disk.Record(r.timeline.disk)
	return r
}

// end ends what newRun began.
func (r *run) end() {
	r.control.stop()
	r.m.disk.Record(nil)
	r.m.heal()
}

// run carries out a job. An error means that no history came of it; then the machine must not be used again.
func (m *machine) run(ctx context.Context, job target.Job) (*target.Execution, error) {
	r := m.newRun(job)
	if m.midway != nil {
		err := r.goOn(ctx)
		r.end()
		return r.conclude(err)
	}
	err := error(nil)
	if !m.prepared {
		err = r.prepare(ctx)
	}
	return r.finish(ctx, err)
}

// finish goes on with a job whose preparation ended with err.
func (r *run) finish(ctx context.Context, err error) (*target.Execution, error) {
	if err == nil && r.refusal() == "" {
		err = r.program(ctx, r.nonce)
	}
	r.end()
	if r.cut != nil && err == nil {
		return r.secondLife(ctx)
	}
	return r.conclude(err)
}

// prepare has the guest make and mount the job's file system on a blank disk, and trace. What it refuses is in r.done.
func (r *run) prepare(ctx context.Context) error {
	return r.prepareBlank(ctx, r.preparation(observe.Wanted(r.job.Program)))
}

// prepareBlank is prepareAs on a blank disk.
func (r *run) prepareBlank(ctx context.Context, p *wire.Prepare) error {
	if err := r.m.blankDisk(); err != nil {
		return err
	}
	return r.prepareAs(ctx, p)
}

// prepareAs is prepare on the disk as it is.
func (r *run) prepareAs(ctx context.Context, p *wire.Prepare) error {
	if err := r.m.conn.Send(wire.ToGuest{Prepare: p}); err != nil {
		return fmt.Errorf("have the guest prepare: %w", err)
	}
	if err := r.attend(ctx, r.limits.setup); err != nil {
		return err
	}
	r.m.prepared = r.refusal() == ""
	return nil
}

// refusal is why the guest did not prepare, or run the program.
func (r *run) refusal() string { return r.done.Error + r.done.Unsupported }

// program has the guest run the program on what is prepared; last is the line on the console up to which that goes.
func (r *run) program(ctx context.Context, last string) error {
	r.m.prepared = false
	r.heard = r.m.log.await(last)
	if err := r.m.conn.Send(wire.ToGuest{Job: r.order()}); err != nil {
		return fmt.Errorf("hand the job to the guest: %w", err)
	}
	return r.hearAll(ctx, r.limits.setup)
}

// hearAll attends to the program until its end, or to where it branches, and to the console's part of that.
func (r *run) hearAll(ctx context.Context, limit time.Duration) error {
	err := r.attend(ctx, limit)
	if err == nil && r.cut == nil {
		r.hearOut(ctx)
	}
	return err
}

// hearOut waits for the console to come up to the end of the job: it comes another way than the guest's messages.
func (r *run) hearOut(ctx context.Context) {
	select {
	case <-r.heard:
	case <-r.m.vm.Done():
	case <-ctx.Done():
	case <-time.After(r.limits.grace):
		r.m.spent = true
	}
}

// heal makes the disk an honest one that holds nothing. What AtStart broke stays broken only until then.
func (m *machine) heal() { operate.Heal(m.disk) }

// blankDisk gives the job a disk that nobody has written to and that behaves.
func (m *machine) blankDisk() error {
	m.heal()
	if err := m.disk.Restore(disk.Filled(m.disk.Size(), target.Unwritten())); err != nil {
		return fmt.Errorf("blank the disk: %w", err)
	}
	return nil
}

// preparation is the job's file system as the guest takes it. Everything that a snapshot of a prepared guest depends on is in it.
func (r *run) preparation(trace wire.Trace) *wire.Prepare {
	spec, shape := r.job.FS, r.m.shape
	p := &wire.Prepare{
		Modules: spec.Modules(), Mkfs: spec.Mkfs(shape.path()),
		Device: shape.path(), Type: spec.KernelType(), Options: spec.MountOptions(), Flags: uint64(spec.MountFlags()),
		Attr: spec.Attr(), Trace: trace, Limit: int64(r.limits.setup),
	}
	shape.furnish(p)
	return p
}

// order is the job's program as the guest takes it.
func (r *run) order() *wire.Job {
	return &wire.Job{
		Program: r.job.Program.String(), Trace: observe.Wanted(r.job.Program),
		RunLimit: int64(r.limits.run), SetupLimit: int64(r.limits.setup), Nonce: r.nonce, Resume: r.resume(), BranchAt: r.branchAt, Last: r.m.of != nil && !r.m.kept,
	}
}

// errCrashed and errSilent end a job whose kernel does not go on.
var (
	errCrashed = errors.New("the kernel crashed")
	errSilent  = errors.New("the guest does not answer")
	errGone    = errors.New("the machine ended")
	errNoDisk  = errors.New("the disk was lost")
	errFlood   = fmt.Errorf("the guest reported more than %d MiB of events", maxWeight>>20)
)

// attend takes what the guest says until it is done, branches, dies, or says nothing for longer than its own limit at first, and those that it
// reports later, allow.
func (r *run) attend(ctx context.Context, first time.Duration) error {
	limit := time.NewTimer(first + r.limits.grace)
	defer limit.Stop()
	for {
		select {
		case msg, ok := <-r.m.inbox:
			if !ok {
				return fmt.Errorf("%w: %w", errGone, r.m.gone(ctx))
			}
			if op, ok := cuts(msg); ok {
				r.hearOut(ctx)
				return r.cutPower(op, *msg.Ask.Clock)
			}
			if r.take(msg, limit) {
				return nil
			}
			if r.timeline.flooded() {
				return errFlood
			}
		case err := <-r.m.lost:
			return r.withoutDisk(ctx, err)
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

// withoutDisk says why the disk's connection ended: with the machine, or by a fault of ours.
func (r *run) withoutDisk(ctx context.Context, why error) error {
	const together = 5 * time.Second // what QEMU's sockets end within of each other, generously
	select {
	case <-r.m.vm.Done():
		return fmt.Errorf("%w: %w", errGone, r.m.gone(ctx))
	case <-time.After(together):
		return fmt.Errorf("%w: %w", errNoDisk, why)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// take handles one message; true at the end of the job.
func (r *run) take(msg wire.ToHost, limit *time.Timer) bool {
	switch {
	case msg.Event != nil:
		r.timeline.guest(*msg.Event)
		r.watchOperation(*msg.Event)
	case msg.Ask != nil && msg.Ask.Op == wire.Branch:
		r.branched = msg.Ask
		return true
	case msg.Ask != nil:
		r.control.answer(*msg.Ask)
	case msg.Phase != "":
		r.enter(msg.Phase, limit)
	case msg.Prepared != nil:
		r.done = wire.Done{Error: msg.Prepared.Error, Unsupported: msg.Prepared.Unsupported}
		r.refused = msg.Prepared.Refused
		return true
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
	r.watchPower()
	limit.Reset(r.limits.run + r.limits.grace)
	if f := r.m.target.config.AtStart; f != nil && r.past == nil && !r.m.kept {
		f(Start{Disk: r.m.disk, QEMU: r.m.vm.Pid(), Guest: func(how string) error { return r.m.conn.Send(wire.ToGuest{SelfTest: how}) }})
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
func (r *run) conclude(err error) (*target.Execution, error) {
	m := r.m
	diagnosis := ""
	switch {
	case err == nil:
		m.spent = m.spent || r.done.Hang || r.done.Dirty
	case errors.Is(err, errSilent):
		m.spent = true
		diagnosis = r.diagnose()
	case errors.Is(err, errCrashed), errors.Is(err, errGone), errors.Is(err, errNoDisk), errors.Is(err, errFlood):
		m.spent = true
		m.log.finish()
	default:
		return nil, err
	}
	console, found := m.log.since(r.text, r.findings)
	for _, f := range found {
		// The kernel says some things once, and is not to be trusted after others.
		m.spent = m.spent || f.Severity > oops.Info
	}
	x := r.execution(console, found, diagnosis)
	return x, r.fault(err, found, x)
}

// execution is the history with what else there is to keep.
func (r *run) execution(console string, found []oops.Finding, diagnosis string) *target.Execution {
	x := &target.Execution{History: r.history(found), Console: r.bothConsoles(console), Extra: map[string]string{}}
	if diagnosis != "" {
		x.Extra["diagnosis.txt"] = r.m.target.annotate(diagnosis)
		r.addHang(x.History, diagnosis)
	}
	x.Extra["qemu.txt"] = r.m.command()
	if text := r.m.findingsText(found); text != "" {
		x.Extra["findings.txt"] = text
	}
	return x
}

// fault is the error of a job that shows nothing of the kernel: it cannot do this, or we failed. What the console reports goes
// before: it may be why we did.
func (r *run) fault(err error, found []oops.Finding, x *target.Execution) error {
	bad := slices.ContainsFunc(found, func(f oops.Finding) bool { return f.Severity >= oops.FSBroken })
	var dead *qemu.BootError
	switch {
	case errors.Is(err, errNoDisk):
		// Whatever the kernel says of a disk that we broke.
		return &target.FaultError{Err: err, Execution: x}
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
	last := r.timeline.last()
	h.Events = r.joined(r.m.withFindings(r.timeline.events(r.m.born, r.offset()), found, last))
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
