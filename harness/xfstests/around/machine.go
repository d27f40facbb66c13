package around

import (
	"cmp"
	"context"
	"fmt"

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
	DiskSize  int64
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
}

// OpenMachines gets the kernel and what else machines need.
func OpenMachines(ctx context.Context, o Options) (*Machines, error) {
	o.DiskSize, o.MemoryMiB = cmp.Or(o.DiskSize, diskSize), cmp.Or(o.MemoryMiB, memoryMiB)
	target, err := vm.Open(ctx, vm.Config{
		Kernel: o.Kernel, Accel: o.Accel, Cache: o.Cache, Agent: o.Agent, Report: o.Report, Shell: true, Cold: true,
		DiskSize: 2 * o.DiskSize, MemoryMiB: o.MemoryMiB,
		Modules: append(modules("xfs"), "btrfs"),
		Further: []qemu.Device{
			qemu.Throwaway{Serial: inguest.UserlandSerial, Path: o.Images.Userland},
			qemu.Throwaway{Serial: inguest.TreeSerial, Path: o.Images.Tree},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("open machines for tests: %w", err)
	}
	return &Machines{target: target, half: o.DiskSize}, nil
}

// Release is the kernel's.
func (m *Machines) Release() string { return m.target.Release() }

// Fast says that machines run on the processor itself.
func (m *Machines) Fast() bool { return m.target.Accel().Accel == qemu.KVM }

// Start boots a machine for a column. The error is *UnsupportedError where no test can be run in it.
func (m *Machines) Start(ctx context.Context, column Column, watch func(string)) (Machine, error) {
	return startSession(ctx, m.target, column, m.half, watch)
}

// Close ends what Open began; machines are to be stopped before.
func (m *Machines) Close() { m.target.Close() }

var _ Machine = (*session)(nil)
