package around

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/iomapcheck/iomapcheck/harness/target/vm"
	"github.com/iomapcheck/iomapcheck/harness/xfstests/around/inguest"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

// modules are what tests of a file system use of the kernel; what a kernel lacks is left out.
func modules(fstype string) []string {
	names := []string{"ext4", "loop", "dm_mod", "dm_flakey", "dm_log_writes", "dm_snapshot", "dm_thin_pool", "dm_delay", "overlay"}
	if fstype == "ext2" || fstype == "ext3" {
		fstype = "ext4"
	}
	return append(names, fstype)
}

// Options say what machines are made with.
type Options struct {
	Kernel, Accel string // as vm.Config has them
	Cache         cache.Dir
	Agent         string // the static iomapcheck binary
	Images        Images
	// DiskSize is that of TEST and of SCRATCH, in bytes; 0 means 4 GiB.
	DiskSize int64
	// Plain makes them files of QEMU's own instead of parts of the programmable disk: faster, and nobody can hold their requests. Then every machine
	// boots: no snapshot would have what is written to them.
	Plain     bool
	MemoryMiB int
	Report    func(line string)
}

// memoryMiB and diskSize are a machine's memory, and its disks' in bytes, where nobody says otherwise. The disks take none of its memory, and of the
// host's what is written.
const (
	memoryMiB = 2048
	diskSize  = 4 << 30
)

// Machines boots machines of one kernel.
type Machines struct {
	target *vm.Target
	half   int64
	plain  bool
}

// OpenMachines gets the kernel and what else machines need.
func OpenMachines(ctx context.Context, o Options) (*Machines, error) {
	o.DiskSize, o.MemoryMiB = cmp.Or(o.DiskSize, diskSize), cmp.Or(o.MemoryMiB, memoryMiB)
	var further []qemu.Device
	half := o.DiskSize
	if o.Plain {
		blank, err := blankDisk(ctx, o.Cache, o.DiskSize)
		if err != nil {
			return nil, err
		}
		further = []qemu.Device{
			qemu.Throwaway{Serial: inguest.PlainTestSerial, Path: blank}, qemu.Throwaway{Serial: inguest.PlainScratchSerial, Path: blank},
		}
		half = unused
	}
	target, err := vm.Open(ctx, vm.Config{
		Kernel: o.Kernel, Accel: o.Accel, Cache: o.Cache, Agent: o.Agent, Report: o.Report, Shell: true, Cold: o.Plain,
		DiskSize: 2 * half, MemoryMiB: o.MemoryMiB, Modules: append(modules("xfs"), "btrfs"),
		Files: []string{o.Images.Userland, o.Images.Tree}, Further: further,
	})
	if err != nil {
		return nil, fmt.Errorf("open machines for tests: %w", err)
	}
	return &Machines{target: target, half: half, plain: o.Plain}, nil
}

// unused is the size in bytes of each part of a programmable disk that nobody uses.
const unused = 1 << 20

// blankDisk is a sparse file of size bytes. It stays blank: what machines write goes elsewhere.
func blankDisk(ctx context.Context, dir cache.Dir, size int64) (string, error) {
	path, err := dir.Publish(ctx, "xfstests-blank", fmt.Sprintf("%d.raw", size), func(path string) error {
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			return err
		}
		return os.Truncate(path, size)
	})
	if err != nil {
		return "", fmt.Errorf("make a blank disk: %w", err)
	}
	return path, nil
}

// Release is the kernel's.
func (m *Machines) Release() string { return m.target.Release() }

// Fast says that machines run on the processor itself.
func (m *Machines) Fast() bool { return m.target.Accel().Accel == qemu.KVM }

// Start gets a machine for a column: a clone of the first that was made ready for it, or one that boots. The error is *UnsupportedError where no test can be run in it.
func (m *Machines) Start(ctx context.Context, column Column, watch func(string)) (Machine, error) {
	return m.startSession(ctx, column, watch)
}

// Close ends what Open began; machines are to be stopped before.
func (m *Machines) Close() { m.target.Close() }

var _ Machine = (*session)(nil)
