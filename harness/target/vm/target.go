package vm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/disk"
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
	// Report is told what takes time (downloads, probing); may be nil.
	Report func(line string)
	// AtStart is called as each program starts; nil for nothing. With it tests make the disk lie or the guest fail, to prove
	// that this is noticed.
	AtStart func(Start)
}

// Start is what AtStart gets.
type Start struct {
	Disk *disk.Disk
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

	mu   sync.Mutex
	idle []*machine
}

var _ target.Target = (*Target)(nil)

// modules are the names that the image's module index offers.
func modules() []string {
	return []string{"virtio_pci", "virtio_console", "virtio_blk", "xfs", "ext4", "btrfs", "gfs2"}
}

// Open gets everything that machines of this kernel need. It boots one only where the acceleration is not known yet.
func Open(ctx context.Context, config Config) (*Target, error) {
	if config.DiskSize == 0 {
		config.DiskSize = 512 << 20
	}
	t := &Target{config: config}
	var err error
	if t.binary, err = qemu.Find(ctx, ""); err != nil {
		return nil, err
	}
	archive := apt.Open(config.Cache)
	archive.Report = config.Report
	if err := t.build(ctx, archive); err != nil {
		return nil, err
	}
	if t.choice, err = t.accelerate(ctx); err != nil {
		return nil, err
	}
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
	loadings, err := resolver.Modules(ctx, t.kernel, modules()...)
	if err != nil {
		return err
	}
	files, err := userland.Resolve(ctx, t.config.Cache, archive)
	if err != nil {
		return err
	}
	t.image, err = initramfs.Build(ctx, t.config.Cache, initramfs.Config{Init: t.config.Agent, Modules: loadings, Files: files})
	return err
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
}

func (t *Target) limits() limits {
	l := limits{boot: 30 * time.Second, setup: 30 * time.Second, run: 40 * time.Second, held: 8 * time.Second, grace: 10 * time.Second}
	if t.choice.Accel == qemu.TCG {
		l = limits{boot: 2 * time.Minute, setup: 2 * time.Minute, run: 2 * time.Minute, held: 20 * time.Second, grace: 20 * time.Second}
	}
	if t.config.RunLimit != 0 {
		l.run = t.config.RunLimit
		l.held, l.grace = min(l.held, l.run/2), min(l.grace, l.run)
	}
	return l
}

// Run runs the job once, on a machine from the pool or a new one.
func (t *Target) Run(ctx context.Context, job target.Job, more func(target.Execution) bool) error {
	if job.Watch == nil {
		job.Watch = func(string) {}
	}
	if needs := job.FS.Needs(); needs != "" {
		return target.Unsupported("%s needs %s, which the virtual machine has not", job.FS, needs)
	}
	m, err := t.machine(ctx, job.Watch)
	var dead *qemu.BootError
	if errors.As(err, &dead) {
		more(*t.bootFailure(job, dead))
		return nil
	}
	if err != nil {
		return err
	}
	x, err := m.run(ctx, job)
	var unsupported *target.UnsupportedError
	if m.spent || err != nil && !errors.As(err, &unsupported) {
		m.stop()
	} else {
		t.giveBack(m)
	}
	if err != nil {
		return err
	}
	more(*x)
	return nil
}

// machine takes an idle machine or boots one. A boot that fails is tried once more, since under emulation about one in a
// hundred dies of the emulator (reported); a second failure is the kernel's.
func (t *Target) machine(ctx context.Context, watch func(string)) (*machine, error) {
	if m := t.takeIdle(); m != nil {
		return m, nil
	}
	watch("booting " + t.kernel.Release)
	m, err := t.boot(ctx)
	if err != nil && ctx.Err() == nil && t.choice.Accel == qemu.TCG {
		if t.config.Report != nil {
			t.config.Report(fmt.Sprintf("boot of %s failed, trying once more: %v", t.kernel.Release, err))
		}
		m, err = t.boot(ctx)
	}
	return m, err
}

func (t *Target) takeIdle() *machine {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.idle) > 0 {
		m := t.idle[len(t.idle)-1]
		t.idle = t.idle[:len(t.idle)-1]
		select {
		case <-m.vm.Done():
			m.stop()
		default:
			return m
		}
	}
	return nil
}

func (t *Target) giveBack(m *machine) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.idle = append(t.idle, m)
}

// Close stops the idle machines. Jobs that still run stop theirs.
func (t *Target) Close() {
	for m := t.takeIdle(); m != nil; m = t.takeIdle() {
		m.stop()
	}
}
