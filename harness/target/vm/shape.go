package vm

import (
	"fmt"
	"os"

	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/wire"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

// shape is what a machine has that a file system wants of it. A machine of one shape serves every file system of that shape and no other.
// Shapes can be compared; the zero shape is a plain disk.
type shape struct{ device fsys.Device }

// shapeOf is the shape that the file system wants.
func shapeOf(s fsys.Spec) shape { return shape{s.Device()} }

// String tells shapes apart, and stands in file names and keys.
func (s shape) String() string {
	kind := map[fsys.Kind]string{fsys.Plain: "plain", fsys.Sequential: "sequential", fsys.Conventional: "conventional", fsys.PMem: "pmem"}[s.device.Kind]
	if s.device.RT {
		kind += "+pmem"
	}
	return fmt.Sprintf("%s-%d-%d", kind, s.device.SectorSize(), s.device.Log>>20)
}

// pmem says whether the machine has persistent memory.
func (s shape) pmem() bool { return s.device.Kind == fsys.PMem || s.device.RT }

// Sizes of what machines have beyond the programmable disk.
const (
	// pmemMiB is enough for the smallest xfs. It lies behind ordinary memory, and what the firmware and QEMU put at memory's end (tables,
	// the initramfs) behind it: namespaces begin and end at multiples of 2 MiB, or nd_pmem cannot map them.
	pmemMiB    = 320
	ramMiB     = 1024
	ramTailMiB = 64
	// zoneSize is the engine's too (refengine/fs.DefaultZoneSize); zonesSize is that of a zoned disk, all of whose zones are mounted.
	zoneSize  = 256 << 10
	zonesSize = 64 << 20
	// nullZonesMiB is the size of a zoned null_blk, whose zones are of whole MiB.
	nullZonesMiB, nullConventional = 32, 8
)

// devices are the machine's disks. All are parts of one export of size bytes, the programmable disk, with the file system's own at its
// end: there the guest reads its fences. What has no requests to hold has the disk all the same, unused.
func (s shape) devices(size int64, socket *os.File, f files) []qemu.Device {
	nbd := qemu.NBD{Serial: "programmable", Socket: socket, BlockSize: int(s.device.Sector)}
	switch {
	case s.device.Kind == fsys.Sequential:
		return []qemu.Device{qemu.ZonedNBD{NBD: nbd, Part: qemu.Part{Off: size - zonesSize, Size: zonesSize}, Zone: zoneSize}}
	case s.device.Log != 0:
		own := f.end + s.device.Log
		return []qemu.Device{qemu.NBDParts{NBD: nbd, Parts: append([]qemu.Part{{Off: own, Size: size - own}, {Off: f.end, Size: s.device.Log}}, f.parts...)}}
	case len(f.parts) > 0:
		return []qemu.Device{qemu.NBDParts{NBD: nbd, Parts: append([]qemu.Part{{Off: f.end, Size: size - f.end}}, f.parts...)}}
	case !s.programmable():
		nbd.BlockSize = 0
	}
	return []qemu.Device{nbd}
}

// programmable says whether the file system stands on the programmable disk: QEMU has no conventional zones, so that those are a null_blk
// of the guest, and persistent memory has no requests.
func (s shape) programmable() bool {
	return s.device.Kind == fsys.Plain || s.device.Kind == fsys.Sequential
}

// snapshots says whether a machine of this shape can be snapshotted: QEMU does not migrate NVMe controllers.
func (s shape) snapshots() bool { return s.device.Kind != fsys.Sequential }

// memoryMiB is the machine's memory, 0 for the usual.
func (s shape) memoryMiB() int {
	if s.pmem() {
		return ramMiB + pmemMiB + ramTailMiB
	}
	return 0
}

// cmdline is added to the kernel's command line. A request that the program holds must not time out: NVMe's do after 30 s.
func (s shape) cmdline() []string {
	switch {
	case s.pmem():
		return []string{fmt.Sprintf("memmap=%dM!%dM", pmemMiB, ramMiB)}
	case s.device.Kind == fsys.Sequential:
		return []string{"nvme_core.io_timeout=4294967", "nvme_core.admin_timeout=4294967"}
	case s.device.Kind == fsys.Conventional:
		return []string{"null_blk.nr_devices=0"}
	}
	return nil
}

// modules are the drivers of the shape's devices, for the guest to load.
func (s shape) modules() []string {
	switch {
	case s.pmem():
		return []string{"nd_pmem", "nd_e820"}
	case s.device.Kind == fsys.Sequential:
		return []string{"nvme"}
	case s.device.Kind == fsys.Conventional:
		return []string{"null_blk"}
	}
	return nil
}

// path is the device that the file system is made on, in the guest.
func (s shape) path() string {
	switch s.device.Kind {
	case fsys.PMem:
		return "/dev/pmem0"
	case fsys.Sequential:
		return "/dev/nvme0n1"
	case fsys.Conventional:
		return "/dev/nullb0"
	}
	return "/dev/vda"
}

// furnish completes a preparation with what the shape needs of the guest.
func (s shape) furnish(p *wire.Prepare) {
	p.Modules = append(s.modules(), p.Modules...)
	switch s.device.Kind {
	case fsys.PMem:
		p.DAX = true
	case fsys.Sequential:
		p.Folder = "seq"
	case fsys.Conventional:
		p.Folder = "cnv"
		p.Zones = &wire.Zones{SizeMiB: nullZonesMiB, Conventional: nullConventional, Sector: s.device.SectorSize()}
	}
}

// lacks says why a program cannot be run in this shape, "" where it can.
func (s shape) lacks(p prog.Program) string {
	for _, step := range p.Steps() {
		switch step.Op.Verb {
		case prog.VHold, prog.VAwaitHeld, prog.VFail:
			if !s.programmable() {
				return fmt.Sprintf("op %d: %s: %s", step.N, step.Op, s.noRequests())
			}
		case prog.VCut:
			if s.device.RT {
				return fmt.Sprintf("op %d: %s: %s would not outlive the machine", step.N, step.Op, fsys.PMem)
			}
			if s.device.Kind != fsys.Plain {
				return fmt.Sprintf("op %d: %s: %s would not outlive the machine", step.N, step.Op, s.device.Kind)
			}
		}
	}
	return ""
}

// noRequests is why there is nothing to hold or refuse.
func (s shape) noRequests() string {
	if s.device.Kind == fsys.PMem {
		return "persistent memory is copied to and from: there are no requests to hold or refuse"
	}
	return "the zones are in a null_blk of the guest, whose requests nobody can hold or refuse"
}

// moduleNames are the drivers of every shape.
func moduleNames() []string {
	var names []string
	for _, kind := range []fsys.Kind{fsys.PMem, fsys.Sequential, fsys.Conventional} {
		names = append(names, shape{fsys.Device{Kind: kind}}.modules()...)
	}
	return names
}
