package qemu

import (
	"fmt"
	"strconv"
)

// Part is a range of an NBD export, in bytes, that the guest sees as a disk of its own.
type Part struct{ Off, Size int64 }

// node is the block device node of a part of the export's.
func (p Part) node(export, name string) []string {
	return []string{"-blockdev", blockdev(map[string]any{
		"driver": "raw", "node-name": name, "offset": p.Off, "size": p.Size, "file": export, "discard": "unmap",
	})}
}

// NBDParts are disks that share one export. All their requests reach the server over its one connection, in the order in which the
// guest made them, so that one server can hold and count them together. Parts must not overlap.
type NBDParts struct {
	NBD
	Parts []Part // in the order the guest finds them; the serials are Serial with -0, -1 …
}

// Args implements Device.
func (d NBDParts) Args(fds *FDs) []string {
	args := d.export(fds)
	for i, part := range d.Parts {
		serial := d.Serial + "-" + strconv.Itoa(i)
		node := "disk-" + serial
		args = append(args, part.node(d.node(), node)...)
		// The export has several users.
		args = append(args, "-device", virtioBlk(node, serial, d.BlockSize, park)+",share-rw=on")
	}
	return args
}

// ZonedNBD is an NVMe namespace all of whose zones are sequential, on a part of an export; /dev/nvme0n1 in the guest. The zones' states
// are QEMU's: a new machine has empty zones whatever the export holds. A machine with it cannot be migrated.
type ZonedNBD struct {
	NBD
	Part Part
	Zone int64 // size and capacity of a zone in bytes, a power of two
}

// Args implements Device.
func (d ZonedNBD) Args(fds *FDs) []string {
	node := "disk-" + d.Serial + "-0"
	args := append(d.export(fds), d.Part.node(d.node(), node)...)
	return append(args,
		"-device", fmt.Sprintf("nvme,id=%s-ctrl,serial=%s", node, d.Serial),
		"-device", fmt.Sprintf("nvme-ns,bus=%s-ctrl,drive=%s,zoned=on,zoned.zone_size=%d,zoned.zone_capacity=%d%s",
			node, node, d.Zone, d.Zone, blockSizes(d.BlockSize)))
}
