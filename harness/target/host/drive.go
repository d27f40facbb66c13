package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/attach"
	"github.com/iomapcheck/iomapcheck/harness/blockdev"
	"github.com/iomapcheck/iomapcheck/harness/detached"
	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/operate"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
)

// Drive says how the programmable disk is attached and what is made on it.
type Drive struct {
	// Device is a block device that is given, at the end, what the last program left on the disk; "" for none. Nobody else may have it open
	// for himself, or mounted.
	Device string
	// Size is in bytes; 0 means 512 MiB, or the size of the Device if that is less.
	Size int64
	// Ways narrows how it is attached; see attach.Open.
	Ways []string
	// MkfsOptions and MountOptions, where not empty, are used in place of those that harness/fsys has for a file system.
	MkfsOptions, MountOptions []string
}

// drive is a ground on the programmable disk.
type drive struct {
	config Drive
	disk   *disk.Disk
	device *attach.Device // nil while it is not attached
	store  *os.File       // nil for none
	// made says that a file system was made on the disk.
	made bool
}

const usualSize = 512 << 20

func openDrive(c Drive) (*drive, error) {
	d := &drive{config: c}
	size := int64(usualSize)
	if c.Size != 0 {
		size = c.Size
	}
	if c.Device != "" {
		var err error
		if d.store, err = claim(c.Device); err != nil {
			return nil, err
		}
		end, err := d.store.Seek(0, 2)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("ask for the size of %s: %w", c.Device, err), d.store.Close())
		}
		size = min(size, end)
	}
	const page = 4096
	d.disk = disk.New(size / page * page)
	return d, nil
}

// claim opens a device for us alone: the kernel refuses one that is mounted, or otherwise somebody's, and refuses the others as long as it is
// open.
func claim(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil && info.Mode()&os.ModeDevice == 0 {
		return nil, fmt.Errorf("use %s: it is no block device", path)
	}
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_EXCL, 0)
	switch {
	case errors.Is(err, unix.EBUSY):
		return nil, fmt.Errorf("use %s: it is mounted, or somebody has it for himself; unmount it first", path)
	case err != nil:
		return nil, fmt.Errorf("use %s: %w", path, err)
	}
	return f, nil
}

// attachIt attaches the disk, if it is not.
func (d *drive) attachIt(ctx context.Context) error {
	if d.device != nil {
		return nil
	}
	dev, err := attach.Open(ctx, d.disk, d.config.Ways...)
	var none *attach.UnavailableError
	if errors.As(err, &none) {
		return &blockdev.UnsupportedError{Reason: none.Error()}
	}
	d.device = dev
	return err
}

func (d *drive) lacks(prog.Program) string { return "" }

// fresh: what is unmounted nobody uses any more.
func (d *drive) fresh() bool { return true }

// stops says why a program cannot be run with the disk attached as it is, "" where it can.
func (d *drive) stops(p prog.Program) string {
	for _, s := range p.Steps() {
		if s.Op.Verb == prog.VHold && s.Op.Reqs&prog.Flushes != 0 && d.device.Way == "loop" {
			return fmt.Sprintf("op %d: %s: the disk is attached as a loop device, which lets nothing pass a flush; it takes nbd", s.N, s.Op)
		}
	}
	return ""
}

// close detaches the disk, and puts what is on it on the store.
func (d *drive) close() error {
	var err error
	if d.device != nil {
		err = d.device.Close()
	}
	if d.store != nil {
		err = errors.Join(err, d.keep(), d.store.Close())
	}
	d.disk.Close()
	return err
}

// is makes the file system once, to see which variant comes out.
func (d *drive) is(ctx context.Context, name string) (fsys.Spec, error) {
	spec, err := fsys.Parse(name)
	if err != nil {
		return fsys.Spec{}, err
	}
	if len(d.config.MkfsOptions)+len(d.config.MountOptions) == 0 {
		return spec, nil
	}
	m, err := d.make(ctx, spec)
	if err != nil {
		return fsys.Spec{}, mapped(err)
	}
	var st unix.Statfs_t
	if err = unix.Statfs(m.Path, &st); err == nil {
		options, _ := options(d.config.MountOptions)
		spec, err = fsys.Recognise(spec.KernelType(), options, st.Bsize)
	}
	return spec, errors.Join(err, m.Close(), d.rest(ctx))
}

// make blanks the disk, makes the file system and mounts it.
func (d *drive) make(ctx context.Context, spec fsys.Spec) (*detached.Mount, error) {
	if needs := spec.Needs(); needs != "" {
		return nil, &blockdev.UnsupportedError{Reason: "the programmable disk is a plain one, and " + spec.String() + " needs " + needs}
	}
	if size := d.disk.Size(); size < spec.MinDevice() {
		return nil, &blockdev.UnsupportedError{Reason: fmt.Sprintf("the disk has %d MiB, and %s needs %d", size>>20, spec, spec.MinDevice()>>20)}
	}
	if err := d.attachIt(ctx); err != nil {
		return nil, err
	}
	for _, step := range []func() error{d.blank, func() error { return d.load(ctx, spec) }, func() error { return blockdev.Make(ctx, d.mkfs(spec)) }} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	d.made = true
	return d.mount(spec)
}

// mount mounts what was made.
func (d *drive) mount(spec fsys.Spec) (*detached.Mount, error) {
	what := detached.Spec{Kind: spec.KernelType(), Source: d.device.Path, Flags: spec.MountFlags(), Options: spec.MountOptions()}
	if len(d.config.MountOptions) > 0 {
		what.Options, what.Flags = options(d.config.MountOptions)
	}
	m, err := detached.New(what)
	if refused := (blockdev.Mount{Type: what.Kind, Options: what.Options}).Refused(err); refused != nil {
		return nil, refused
	}
	return m, err
}

// blank makes the disk one that nobody has written to, and an honest one. What the kernel has cached of the device is of the file system before:
// it goes first.
func (d *drive) blank() error {
	operate.Heal(d.disk)
	if d.device != nil {
		if err := flush(d.device.Path); err != nil {
			return err
		}
	}
	if err := d.disk.Restore(disk.Filled(d.disk.Size(), target.Unwritten())); err != nil {
		return fmt.Errorf("blank the disk: %w", err)
	}
	return nil
}

// flush has the kernel write and forget what it has cached of a device.
func flush(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("blank the disk: %w", err)
	}
	defer f.Close()
	if err := unix.IoctlSetInt(int(f.Fd()), unix.BLKFLSBUF, 0); err != nil {
		return fmt.Errorf("forget what is cached of %s: %w", path, err)
	}
	return nil
}

// load has the kernel load the file system's module; mount would do so too, but a kernel that has none is to be told from a mount that fails.
func (d *drive) load(ctx context.Context, spec fsys.Spec) error {
	if blockdev.Known(spec.KernelType()) {
		return nil
	}
	for _, m := range spec.Modules() {
		_ = runQuietly(ctx, "modprobe", m) // what is missing then shows
	}
	if !blockdev.Known(spec.KernelType()) {
		return &blockdev.UnsupportedError{Reason: "this kernel has no " + spec.KernelType()}
	}
	return nil
}

// mkfs is the command that makes the file system.
func (d *drive) mkfs(spec fsys.Spec) []string {
	if len(d.config.MkfsOptions) == 0 {
		return spec.Mkfs(d.device.Path)
	}
	return slices.Concat(spec.PlainMkfs(), d.config.MkfsOptions, []string{d.device.Path})
}

// lay makes the job's file system.
func (d *drive) lay(ctx context.Context, r *run) (site, error) {
	if err := d.attachIt(ctx); err != nil {
		return nil, err
	}
	if why := d.stops(r.job.Program); why != "" {
		return nil, target.Unsupported("%s", why)
	}
	m, err := d.make(ctx, r.job.FS)
	if err != nil {
		return nil, err
	}
	if _, cuts := r.job.Program.Cut(); cuts {
		d.disk.TrackPower(true)
	}
	d.disk.Record(r.timeline.disk(d.end()))
	r.timeline.record(true)
	return &driveSite{d: d, mount: m}, nil
}

// end is where on the disk what programs are about ends: behind it lies what fences read.
func (d *drive) end() int64 { return d.disk.Size() - blockdev.FenceSize }

// driveSite is one program's file system.
type driveSite struct {
	d     *drive
	mount *detached.Mount
}

// heldLimit bounds how long a program waits for requests to be held.
const heldLimit = 8 * time.Second

func (s *driveSite) fill(r *run) {
	r.env.Root, r.device = s.mount.Path, filepath.Base(s.d.device.Path)
	r.env.Remount = func() error { return s.remount() }
	r.env.Disk = s.programmable(r)
	r.env.Cut = s.cutter(r)
}

func (s *driveSite) programmable(r *run) *programmable {
	return &programmable{
		Operator: operate.Operator{Disk: s.d.disk, Program: r.job.Program, Size: s.d.end(), Record: r.timeline.record},
		timeline: r.timeline, device: s.d.device.Path, limit: min(heldLimit, r.limit()/2),
	}
}

// remount unmounts and mounts again. An error that wraps an errno is the kernel's answer to the mount.
func (s *driveSite) remount() error {
	ctx, cancel := context.WithTimeout(context.Background(), setupLimit)
	defer cancel()
	if err := s.unmount(ctx); err != nil {
		return fmt.Errorf("unmount: %v", err) // not wrapped: a file system that is busy is so because of a file of ours
	}
	return s.mount.Again(s.d.device.Path)
}

// clear unmounts.
func (s *driveSite) clear(ctx context.Context) error {
	operate.Heal(s.d.disk)
	s.d.disk.Record(nil)
	return errors.Join(s.mount.Close(), s.d.rest(ctx))
}

// unmount unmounts, and waits until it has come about.
func (s *driveSite) unmount(ctx context.Context) error {
	if err := s.mount.Away(); err != nil {
		return err
	}
	return s.d.rest(ctx)
}

// restLimit bounds the wait for a file system that is busy: the kernel may need a moment to end processes that were killed.
const restLimit = 10 * time.Second

// rest waits until nothing is mounted from the device. A disk that is not attached, as where it could not be after a power cut, has nothing mounted.
func (d *drive) rest(ctx context.Context) error {
	if d.device == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restLimit)
	defer cancel()
	for {
		used, err := detached.InUse(d.device.Path)
		if !used || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("unmount %s: it is still in use after %v", d.device.Path, restLimit)
		case <-time.After(2 * time.Millisecond):
		}
	}
}
