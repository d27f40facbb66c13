package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/ktrace"
	"github.com/iomapcheck/iomapcheck/harness/observe"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// Config says where programs run, and how long they may.
type Config struct {
	// Dir is a folder of a mounted file system; empty for the programmable disk.
	Dir string
	// Cycle unmounts the file system of Dir and mounts it again; nil where it has to stay mounted. It is called while no file of ours is open.
	Cycle func(context.Context) error
	// Drive is the programmable disk, used where Dir is empty.
	Drive Drive
	// RunLimit bounds one program, as a last resort; 0 means 40 s.
	RunLimit time.Duration
	// Report is told of what the machine lacks; may be nil.
	Report func(line string)
}

// Target is this machine's kernel.
type Target struct {
	config  Config
	release string
	ground  ground
	trace   tracefs
	// watch is the tracer that every program uses, nil before the first: to make one and to end it takes the kernel longer than most programs do.
	// Guarded by mu.
	watch *observe.Watch
	// untraced says why nothing can be traced, nil where it can.
	untraced error

	mu sync.Mutex // held while a program runs
	// spent says why no further program may run, "" while they may. Guarded by mu.
	spent string
	// told is what Report was told. Guarded by mu.
	told map[string]bool
	// closed says that Close was called. Guarded by mu.
	closed bool
}

var _ target.Target = (*Target)(nil)

// ground is where programs run.
type ground interface {
	// is finds out which file system there is, or is made when it is asked for by this name.
	is(ctx context.Context, name string) (fsys.Spec, error)
	// lacks says why a program cannot be run there, "" where it can.
	lacks(p prog.Program) string
	// lay gives a program an empty place: an *UnsupportedError of package target says that this kernel cannot.
	lay(ctx context.Context, r *run) (site, error)
	// fresh says whether a place that could be taken down is a sign that no task is left in it.
	fresh() bool
	// close ends what is there.
	close() error
}

// site is one program's place.
type site interface {
	// fill completes what the interpreter is to know.
	fill(r *run)
	// clear takes it down. A file system that cannot be unmounted is an error: the ground must not be used again.
	clear(ctx context.Context) error
}

// Open gets a target ready. It attaches nothing yet. It refuses a Dir that is no folder, and a device that is in use.
func Open(ctx context.Context, c Config) (*Target, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("run programs on this machine's kernel: it needs root's rights (mount, dropped caches, the kernel's log)")
	}
	if c.RunLimit == 0 {
		const usual = 40 * time.Second
		c.RunLimit = usual
	}
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return nil, fmt.Errorf("ask for the kernel's release: %w", err)
	}
	t := &Target{config: c, release: unix.ByteSliceToString(uts.Release[:]), told: map[string]bool{}}
	var err error
	if c.Dir != "" {
		t.ground, err = openFolder(c)
	} else {
		t.ground, err = openDrive(c.Drive)
	}
	if err != nil {
		return nil, err
	}
	t.trace, t.untraced = findTracefs()
	return t, ctx.Err()
}

// Name is "host".
func (t *Target) Name() string { return "host" }

// Release is the running kernel's.
func (t *Target) Release() string { return t.release }

// FS finds out which file system programs run on, in which variant. name picks one where there is a choice, as on the programmable disk; ""
// is the folder's.
func (t *Target) FS(ctx context.Context, name string) (fsys.Spec, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ground.is(ctx, name)
}

// Lacks says why a program cannot be run here, "" where nothing is known against it.
func (t *Target) Lacks(p prog.Program) string {
	if why := t.ground.lacks(p); why != "" {
		return why
	}
	return privileges(p)
}

// Run runs the job once.
func (t *Target) Run(ctx context.Context, job target.Job, more func(target.Execution) bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.spent != "" {
		return fmt.Errorf("run a program: %s; what it left may be in the way, so nothing more is run", t.spent)
	}
	if why := t.Lacks(job.Program); why != "" {
		return target.Unsupported("%s", why)
	}
	x, err := t.newRun(job).carryOut(ctx)
	if err != nil {
		return err
	}
	more(*x)
	return nil
}

// Close ends what is attached. What it cannot end, it reports. Closing again does nothing: the device's number may be somebody else's by then.
func (t *Target) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	t.closed = true
	var err error
	if t.watch != nil {
		err = t.watch.Close()
	}
	if err := errors.Join(err, t.ground.close(), t.trace.close()); err != nil {
		t.report(err.Error())
	}
}

// report tells each line once. t.mu must be held.
func (t *Target) report(line string) {
	if t.config.Report != nil && !t.told[line] {
		t.told[line] = true
		t.config.Report(line)
	}
}

// traced has these events traced from now on. t.mu must be held.
func (t *Target) traced(ctx context.Context, want wire.Trace) (*observe.Watch, error) {
	if t.untraced != nil {
		return nil, t.untraced
	}
	if t.watch == nil {
		// Probes of a run that was killed slow the kernel down for good, and a process that gets its number could not be traced.
		if err := ktrace.Clean(t.trace.root); err != nil {
			t.report(err.Error())
		}
		var err error
		t.watch, err = observe.Start(ctx, t.trace.root, want)
		return t.watch, err
	}
	return t.watch, errors.Join(t.watch.Extend(ctx, want), t.watch.Clear(ctx))
}
