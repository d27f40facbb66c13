package vm

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/oops/symbol"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/vmimage/accel"
	"github.com/iomapcheck/iomapcheck/vmimage/apt"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/initramfs"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
	"github.com/iomapcheck/iomapcheck/vmimage/userland"
)

// Config says which kernel, and what to make its machines with.
type Config struct {
	// Kernel is debian:SERIES or the path of a bzImage, with ",modules=DIR" for its modules.
	Kernel string
	// Cache holds kernels, tools and images.
	Cache cache.Dir
	// Agent is the path of the static iomapcheck binary: PID 1 of the guest.
	Agent string
	// Accel is "kvm", "tcg", or "" to find out by booting.
	Accel string
	// RunLimit bounds one program, as a last resort; 0 means a limit that fits the acceleration.
	RunLimit time.Duration
	// DiskSize is in bytes; 0 means 512 MiB. The disk is sparse.
	DiskSize int64
	// Shell adds to the image what Target.Shell needs.
	Shell bool
	// Modules are more kernel modules for the image; those that the kernel lacks are left out.
	Modules []string
	// Files are further disks, for shells that make their file systems themselves: each is a file's content, and what a machine writes there is its
	// own. The guest finds them behind the shape's, as further parts of the programmable disk. They must not change while the process lives.
	Files []string
	// Further are disks behind all of these; machines with them cannot be snapshotted.
	Further []qemu.Device
	// MemoryMiB is a machine's memory where its shape wants none of its own; 0 means qemu's default.
	MemoryMiB int
	// Debugger makes each machine wait for a debugger at this address before its first instruction, as long as that takes; see
	// qemu.Config. Empty for none.
	Debugger string
	// Cold has machines boot, and take job after job, also where they could be clones of a snapshot.
	Cold bool
	// Clones has every machine be a clone of a snapshot, also where copies of one that has run would be faster.
	Clones bool
	// Report is told what takes time (downloads, probing); may be nil.
	Report func(line string)
	// AtStart is called as each program starts; nil for nothing. With it tests make the disk lie or the guest fail, to prove
	// that this is noticed.
	AtStart func(Start)
}

// Start is what AtStart gets.
type Start struct {
	Disk *disk.Disk
	// QEMU is the machine's process id.
	QEMU int
	// Guest has the guest misbehave: see wire.ToGuest.SelfTest.
	Guest func(how string) error
}

// Target is a kernel ready to be booted; it has a pool of machines.
type Target struct {
	config Config
	kernel *kernel.Kernel
	image  *initramfs.Image
	binary *qemu.Binary
	choice accel.Choice
	// symbols knows the kernel's places in its source, as far as there is debug information.
	symbols *symbol.Table
	// kernelSum is the checksum of the file that is booted.
	kernelSum func() (string, error)
	pool      *pool[*machine]
	files     files

	mu     sync.Mutex
	idle   []*machine        // that have booted; guarded by mu
	levels map[string]*level // open snapshots by key; guarded by mu
	// revivings are the open snapshots as machines for the time after a power cut are clones of them; guarded by mu
	revivings  map[string]*level
	beginnings map[string]*level // levels of programs that were begun, by key; guarded by mu
	failures   int               // of snapshots; guarded by mu
	warm       warmth
}

var _ target.Target = (*Target)(nil)

// essentialModules are what no guest comes up without; they may be built in.
func essentialModules() []string { return []string{"virtio_pci", "virtio_console", "virtio_blk"} }

// furtherModules are what file systems and the shapes of machines need: what a kernel lacks of them its guest misses when it is to be
// used.
func furtherModules() []string {
	names := moduleNames()
	for _, s := range fsys.All() {
		names = append(names, s.Modules()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Open gets everything that machines of this kernel need. It boots one only where the acceleration is not known yet.
func Open(ctx context.Context, config Config) (*Target, error) {
	if config.DiskSize == 0 {
		config.DiskSize = 512 << 20
	}
	t := &Target{config: config, levels: map[string]*level{}, revivings: map[string]*level{}, beginnings: map[string]*level{}, warm: newWarmth()}
	err := StaticProgram(config.Agent)
	if err != nil {
		return nil, err
	}
	if t.binary, err = qemu.Find(ctx, ""); err != nil {
		return nil, err
	}
	archive := apt.Open(config.Cache)
	archive.Report = config.Report
	if err := t.build(ctx, archive); err != nil {
		return nil, err
	}
	if t.files, err = openFiles(config.Files, config.DiskSize); err != nil {
		return nil, err
	}
	t.symbols = symbol.Open(t.Symbols())
	if t.choice, err = t.accelerate(ctx); err != nil {
		return nil, err
	}
	t.kernelSum = sync.OnceValues(t.sumKernel)
	t.pool = newPool(runtime.NumCPU(), t.fresh)
	return t, nil
}

// build resolves the kernel and packs the guest's image.
func (t *Target) build(ctx context.Context, archive *apt.Archive) error {
	resolver := kernel.Resolver{Cache: t.config.Cache, Archive: archive}
	var err error
	if t.kernel, err = resolver.Resolve(ctx, t.config.Kernel); err != nil {
		return err
	}
	if t.kernel.Note != "" && t.config.Report != nil {
		t.config.Report(t.kernel.Note)
	}
	loadings, err := t.modules(ctx, resolver)
	if err != nil {
		return err
	}
	files, err := userland.Resolve(ctx, t.config.Cache, archive)
	if err != nil {
		return err
	}
	if t.config.Shell {
		shell, err := userland.Shell(ctx, t.config.Cache, archive)
		if err != nil {
			return err
		}
		files = append(files, shell...)
	}
	t.image, err = initramfs.Build(ctx, t.config.Cache, initramfs.Config{Init: t.config.Agent, Modules: loadings, Files: files})
	return err
}

// modules are what the image's module index offers.
func (t *Target) modules(ctx context.Context, resolver kernel.Resolver) ([]kernel.Loading, error) {
	loadings, err := resolver.Modules(ctx, t.kernel, essentialModules()...)
	if err != nil {
		return nil, err
	}
	further, err := resolver.PresentModules(ctx, t.kernel, append(furtherModules(), t.config.Modules...)...)
	return append(loadings, further...), err
}

func (t *Target) accelerate(ctx context.Context) (accel.Choice, error) {
	if t.config.Accel != "" {
		return accel.Force(t.config.Accel)
	}
	return accel.Prober{Cache: t.config.Cache, Binary: t.binary, Vmlinux: t.kernel.Vmlinux, Image: t.kernel.Image}.Choose(ctx)
}

// Name is "vm".
func (t *Target) Name() string { return "vm" }

// Release is the kernel's.
func (t *Target) Release() string { return t.kernel.Release }

// Accel says what machines run with, and why.
func (t *Target) Accel() accel.Choice { return t.choice }

// limits are the last resorts, in ascending order of who notices: the guest gives up a program, then the host the guest.
type limits struct {
	boot, setup, run time.Duration
	// held bounds how long a program waits for requests to be held.
	held time.Duration
	// grace is what the host gives the guest to report beyond its own limits.
	grace time.Duration
	// save bounds the saving of a machine, and the making of a clone.
	save time.Duration
}

func (t *Target) limits() limits {
	l := limits{boot: 30 * time.Second, setup: 30 * time.Second, run: 40 * time.Second, held: 8 * time.Second, grace: 10 * time.Second, save: 15 * time.Second}
	if t.choice.Accel == qemu.TCG {
		l = limits{boot: 2 * time.Minute, setup: 2 * time.Minute, run: 2 * time.Minute, held: 20 * time.Second, grace: 20 * time.Second, save: time.Minute}
	}
	if t.config.RunLimit != 0 {
		l.run = t.config.RunLimit
		l.held, l.grace = min(l.held, l.run/2), min(l.grace, l.run)
	}
	if t.config.Debugger != "" {
		l.boot = debugged
	}
	return l
}

// debugged is how long a machine that waits for a debugger may take to boot: whoever holds the debugger is the limit.
const debugged = 7 * 24 * time.Hour

// Run runs the job once, on a clone that has the job's file system mounted, or where there are no snapshots on a machine that has booted.
func (t *Target) Run(ctx context.Context, job target.Job, more func(target.Execution) bool) error {
	if job.Watch == nil {
		job.Watch = func(string) {}
	}
	shape := shapeOf(job.FS)
	if why := shape.lacks(job.Program); why != "" {
		return target.Unsupported("%s", why)
	}
	x, err := t.execute(ctx, shape, job)
	if err != nil {
		return err
	}
	more(*x)
	return nil
}

func (t *Target) execute(ctx context.Context, s shape, job target.Job) (*target.Execution, error) {
	m, err := t.obtain(ctx, s, job)
	var shown *shownError
	var dead *qemu.BootError
	switch {
	case errors.As(err, &shown):
		return shown.x, shown.err
	case errors.As(err, &dead):
		return t.bootFailure(job, dead), nil
	case err != nil:
		return nil, err
	}
	x, err := m.run(ctx, job)
	var unsupported *target.UnsupportedError
	m.spent = m.spent || err != nil && !errors.As(err, &unsupported)
	t.giveBack(m)
	return x, err
}

// machine is a machine of the shape without a file system: a clone of one that has just booted, or one that has booted, or takes its
// next job.
func (t *Target) machine(ctx context.Context, s shape, watch func(string)) (*machine, error) {
	if t.snapshots(s) {
		m, err := t.bootedClone(ctx, s, watch)
		if !t.failed(ctx, err) {
			return m, err
		}
	}
	if m := t.takeIdle(func(m *machine) bool { return m.shape == s }); m != nil {
		return m, nil
	}
	watch("booting " + t.kernel.Release)
	var m *machine
	err := t.twice(ctx, func() (err error) {
		m, err = t.boot(ctx, s)
		return err
	})
	return m, err
}

// twice tries a boot that failed once more, since under emulation about one in a hundred dies of the emulator (reported); a second
// failure is the kernel's.
func (t *Target) twice(ctx context.Context, boot func() error) error {
	err := boot()
	if err != nil && ctx.Err() == nil && t.choice.Accel == qemu.TCG {
		t.report("boot of %s failed, trying once more: %v", t.kernel.Release, err)
		err = boot()
	}
	return err
}

func (t *Target) report(format string, args ...any) {
	if t.config.Report != nil {
		t.config.Report(fmt.Sprintf(format, args...))
	}
}

// takeIdle takes the machine out of the pool that was put there last, of those that fit; nil if there is none.
func (t *Target) takeIdle(fits func(*machine) bool) *machine {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := len(t.idle) - 1; i >= 0; i-- {
		m := t.idle[i]
		if !fits(m) {
			continue
		}
		t.idle = slices.Delete(t.idle, i, i+1)
		select {
		case <-m.vm.Done():
			m.stop()
		default:
			return m
		}
	}
	return nil
}

// giveBack ends the use of a machine. What has booted takes another job, if nothing speaks against it; a clone never does.
func (t *Target) giveBack(m *machine) {
	if m.spent || m.of != nil {
		t.pool.retire(m)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.idle = append(t.idle, m)
}

// Close stops the machines that wait. Jobs that still run stop theirs.
func (t *Target) Close() {
	t.pool.close()
	t.warm.close()
	every := func(*machine) bool { return true }
	for m := t.takeIdle(every); m != nil; m = t.takeIdle(every) {
		m.stop()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, l := range t.levels {
		l.Close()
		delete(t.levels, key)
	}
}
