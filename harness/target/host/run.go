package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/blockdev"
	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/kmsg"
	"github.com/iomapcheck/iomapcheck/harness/observe"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
)

// setupLimit bounds what is done before a program: mkfs, mount, probes.
const setupLimit = time.Minute

// run is one job.
type run struct {
	t        *Target
	job      target.Job
	timeline *timeline
	log      *kmsg.Log
	watch    *observe.Watch // nil where nothing can be traced
	tasks    *observe.Tasks
	env      exec.Env
	// stop ends the life under way.
	stop context.CancelCauseFunc
	// device is the name of what the file system stands on, as in loop0; "" where it has none.
	device string
	// block is the mounted file system's block size in bytes.
	block int64
	// past is what the power cut left, once it has come.
	past *pastLife
}

func (t *Target) newRun(job target.Job) *run {
	if job.Watch == nil {
		job.Watch = func(string) {}
	}
	r := &run{t: t, job: job, timeline: newTimeline()}
	r.tasks = observe.NewTasks(r.emit)
	return r
}

func (r *run) emit(e history.Event) { r.timeline.add(e) }

// carryOut runs the program in a place of its own. Faults of ours are errors; whatever the kernel does is in the history.
func (r *run) carryOut(ctx context.Context) (*target.Execution, error) {
	setup, cancel := context.WithTimeout(ctx, setupLimit)
	defer cancel()
	r.job.Watch("preparing")
	var err error
	if r.log, err = kmsg.Open(harmless(r.job.Name)); err != nil {
		return nil, err
	}
	defer r.log.Close()
	place, err := r.t.ground.lay(setup, r)
	if err != nil {
		return nil, mapped(err)
	}
	err = r.inPlace(ctx, setup, place)
	clearing := place.clear(ctx)
	if clearing != nil {
		r.t.spent = fmt.Sprintf("%s could not be taken down: %v", r.job.Name, clearing)
	}
	return r.conclude(err, clearing)
}

// harmless is a name as it may stand in the kernel's log: xfstests' check takes "oom-kill" there for the kernel's word.
func harmless(name string) string { return strings.ReplaceAll(name, "oom-kill", "oom_kill") }

// inPlace has the program traced and run.
func (r *run) inPlace(ctx, setup context.Context, place site) error {
	memory, err := exec.LimitedMemory(r.job.Program, fmt.Sprintf("iomapcheck-%d", os.Getpid()))
	if err != nil {
		return err
	}
	defer func() {
		if err := memory.Close(); err != nil {
			r.t.report(err.Error())
		}
	}()
	if err := r.startTracing(setup); err != nil {
		return err
	}
	r.env = exec.Env{Emit: r.tasks.Take, Memory: memory.Env(), Attr: prog.Attr(r.job.FS.Attr())}
	place.fill(r)
	var fs unix.Statfs_t
	if err := unix.Statfs(r.env.Root, &fs); err == nil {
		r.block = fs.Bsize
	}
	r.job.Watch("running")
	err = r.lives(ctx, place)
	return errors.Join(err, r.tell())
}

// lives runs the program, and where that cuts the power, the rest of it on what is left.
func (r *run) lives(ctx context.Context, place site) error {
	err := r.live(ctx, r.env)
	drive, cuts := place.(*driveSite)
	if !errors.Is(err, errPowerCut) || !cuts {
		return err
	}
	return drive.revive(ctx, r)
}

// live runs the program under its limit.
func (r *run) live(ctx context.Context, env exec.Env) error {
	ctx, r.stop = context.WithCancelCause(ctx)
	defer r.stop(nil)
	ctx, cancel := context.WithTimeout(ctx, r.limit())
	defer cancel()
	return exec.Run(ctx, r.job.Program, env)
}

// leastHang is the shortest time after which a program that is known to hang is believed to.
const leastHang = 10 * time.Second

func (r *run) limit() time.Duration {
	limit := r.t.config.RunLimit
	if r.job.Hangs {
		return max(limit/8, min(limit, leastHang))
	}
	return limit
}

// startTracing traces what is of interest for the program. A machine without tracefs has other witnesses.
func (r *run) startTracing(ctx context.Context) error {
	watch, err := r.t.traced(ctx, observe.Wanted(r.job.Program))
	if err == nil || ctx.Err() != nil {
		r.watch = watch
		return err
	}
	r.note("no-trace", "nothing is traced: "+err.Error())
	r.t.report("nothing can be traced: " + err.Error())
	return nil
}

// tell puts into the history what was traced.
func (r *run) tell() error {
	if r.watch == nil {
		return nil
	}
	return r.watch.Report(r.tasks)
}

func (r *run) note(name, text string) {
	r.emit(history.Event{Kind: history.Note, Time: exec.Now(), Op: -1, Name: name, Text: text})
}

// conclude makes the execution of what was seen.
func (r *run) conclude(err, clearing error) (*target.Execution, error) {
	console, found := r.log.Read()
	x := &target.Execution{History: r.history(found), Console: console, Extra: map[string]string{}}
	var hang *exec.HangError
	switch {
	case errors.As(err, &hang):
		if clearing != nil || !r.t.ground.fresh() {
			r.t.spent = fmt.Sprintf("tasks %v of %s hang in the kernel", hang.Tasks, r.job.Name)
		}
		return x, nil
	case err != nil:
		return nil, fault(mapped(err), x)
	case clearing != nil:
		return nil, fault(clearing, x)
	}
	return x, nil
}

// fault keeps with a fault of ours what had been seen.
func fault(err error, x *target.Execution) error {
	var unsupported *target.UnsupportedError
	if errors.As(err, &unsupported) {
		return unsupported
	}
	return &target.FaultError{Err: err, Execution: x}
}

// mapped makes a target's error of those that say that this machine cannot.
func mapped(err error) error {
	var device *blockdev.UnsupportedError
	var program *exec.UnsupportedError
	switch {
	case errors.As(err, &device):
		return target.Unsupported("%s", device.Reason)
	case errors.As(err, &program):
		return target.Unsupported("%s", program.Why)
	}
	return err
}

// history puts everything on one time axis.
func (r *run) history(found []kmsg.Finding) *history.History {
	h := &history.History{Header: history.Header{
		Target: "host", Kernel: r.t.release, FS: r.job.FS.Name(), Variant: r.job.FS.VariantName(), BlockSize: r.block,
		ClockError: r.timeline.clockError,
	}}
	found = r.oursOf(found)
	if r.past != nil {
		found = append(r.past.found, found...)
	}
	for _, f := range found {
		r.emit(history.Event{Kind: history.Console, Time: f.At, Op: -1, Name: string(f.Kind), Text: f.Title, Where: f.Lines})
	}
	if r.watch != nil {
		for _, missing := range r.watch.MissingOf(observe.Wanted(r.job.Program)) {
			r.note("missing-event", missing)
		}
	}
	h.Events = r.timeline.events()
	return h
}
