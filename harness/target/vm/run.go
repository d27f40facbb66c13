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
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/wire"
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
	started  bool // the program itself runs
}

// run carries out a job. An error means that no history came of it; then the machine must not be used again.
func (m *machine) run(ctx context.Context, job target.Job) (*target.Execution, error) {
	text, findings := m.log.mark()
	r := &run{m: m, job: job, limits: m.target.limits(), phase: "greeting"}
	r.control = newControl(m, job.Program, r.limits.held, &r.timeline)
	if err := m.blankDisk(); err != nil {
		return nil, err
	}
	r.timeline.fence = m.disk.Size() - wire.FenceSize
	m.disk.Record(r.timeline.disk)
	defer m.disk.Record(nil)
	if err := m.conn.Send(wire.ToGuest{Job: r.order()}); err != nil {
		return nil, fmt.Errorf("hand the job to the guest: %w", err)
	}
	err := r.attend(ctx)
	r.control.stop()
	m.disk.ClearRules()
	m.disk.Release(disk.All())
	return r.conclude(err, text, findings)
}

// blankDisk gives the job a disk of zeros that behaves.
func (m *machine) blankDisk() error {
	m.disk.ClearRules()
	m.disk.Release(disk.All())
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
		Events: tracedEvents(r.job.Program), Probes: tracedFunctions(),
		RunLimit: int64(r.limits.run), SetupLimit: int64(r.limits.setup),
	}
}

// tracedEvents are the tracepoints that every history of a direct write is better understood with, and the witnesses'.
func tracedEvents(p prog.Program) []string {
	events := []string{"iomap:iomap_dio_invalidate_fail", "iomap:iomap_dio_rw_begin", "iomap:iomap_dio_complete"}
	for _, e := range p.Events() {
		if !slices.Contains(events, e) && !strings.HasPrefix(e, "iomapcheck:") {
			events = append(events, e)
		}
	}
	return events
}

// tracedFunctions are kernel functions whose call is evidence: the judge lets stale page cache pass only where the first was called.
func tracedFunctions() []string { return []string{"dio_warn_stale_pagecache"} }

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
				<-r.m.vm.Done()
				return errGone
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

// conclude makes the execution of what was seen. Faults of ours, and kernels that fail before the program began, are errors.
func (r *run) conclude(err error, text, findings int) (*target.Execution, error) {
	m := r.m
	var diagnosis string
	switch {
	case err == nil && r.done.Unsupported != "":
		m.spent = m.spent || r.done.Dirty
		return nil, target.Unsupported("%s", r.done.Unsupported)
	case err == nil && r.done.Error != "":
		return nil, fmt.Errorf("%s on %s: %s", r.job.Name, m.target.kernel.Release, r.done.Error)
	case err == nil:
		m.spent = r.done.Hang || r.done.Dirty
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
	if !r.started && len(found) == 0 {
		return nil, r.setupFailed(err)
	}
	x := &target.Execution{History: r.history(found), Console: console, Extra: map[string]string{}}
	if diagnosis != "" {
		x.Extra["diagnosis.txt"] = diagnosis
		r.addHang(x.History, diagnosis)
	}
	x.Extra["qemu.txt"] = fmt.Sprintln(m.vm.Command)
	return x, nil
}

func (r *run) setupFailed(err error) error {
	if errors.Is(err, errGone) {
		err = r.m.vm.Err()
	}
	return fmt.Errorf("%s: the guest was to %s: %w", r.job.Name, r.phase, err)
}

// diagnose asks a guest that does not answer where it is.
func (r *run) diagnose() string {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return r.m.vm.Diagnose(ctx)
}

// history puts the events of guest, disk and console on one time axis.
func (r *run) history(found []oopsFinding) *history.History {
	h := &history.History{Header: history.Header{
		Target: "vm", Kernel: r.m.hello.Release, FS: r.job.FS.Name(), Variant: r.job.FS.VariantName(),
		BlockSize: r.done.BlockSize, ClockError: r.done.ClockError,
	}}
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
