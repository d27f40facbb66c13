package fsys

import "fmt"

// Device is what a file system stands on.
type Device struct {
	// Kind says what sort of device it is.
	Kind Kind
	// Sector is the device's logical block size in bytes: direct I/O is of whole sectors. 0 means 512.
	Sector int64
	// Log is the size in bytes of a second disk, for a log that stands apart; 0 for none.
	Log int64
	// RT says that there is persistent memory beside the disk, for what is to go there (AttrRealtime of programs).
	RT bool
}

// Kind is a sort of device.
type Kind string

const (
	// Plain is a disk that is written anywhere.
	Plain Kind = ""
	// Sequential is a zoned disk all of whose zones are written at their write pointers.
	Sequential Kind = "sequential zones"
	// Conventional is a zoned disk the first of whose zones are written anywhere.
	Conventional Kind = "conventional zones"
	// PMem is memory that stays, which DAX maps.
	PMem Kind = "persistent memory"
)

// Requests says whether data reach the device as requests of the block layer, which a programmable disk can hold and refuse.
func (d Device) Requests() bool { return d.Kind != PMem }

// Needs is what a machine must have for it beyond a plain disk, "" for nothing.
func (d Device) Needs() string {
	switch {
	case d.Kind == Sequential && d.SectorSize() < ordinarySector:
		return fmt.Sprintf("a zoned block device with blocks of %d bytes", d.SectorSize())
	case d.Kind == Sequential, d.Kind == Conventional:
		return "a zoned block device with " + string(d.Kind)
	case d.Kind == PMem:
		return "persistent memory to mount with -o dax"
	case d.RT:
		return "persistent memory beside the disk"
	case d.Log != 0:
		return "a second disk for the log"
	case d.Sector != 0:
		return fmt.Sprintf("a disk with sectors of %d bytes", d.Sector)
	}
	return ""
}

// The sector sizes, in bytes, of most disks and of most zoned ones.
const (
	defaultSector  = 512
	ordinarySector = 4096
)

// SectorSize is Sector, or what 0 stands for.
func (d Device) SectorSize() int64 {
	if d.Sector == 0 {
		return defaultSector
	}
	return d.Sector
}

// LogDevice is where a log that stands apart is unless WithLog says otherwise: the second disk of a machine that has two.
const LogDevice = "/dev/vdb"

// rtDevice is the persistent memory beside a disk.
const rtDevice = "/dev/pmem0"

// WithLog is the spec with its separate log on another device than LogDevice. A spec without such a log ignores it.
func (s Spec) WithLog(dev string) Spec {
	s.log = dev
	return s
}

func (s Spec) logDevice() string {
	if s.log == "" {
		return LogDevice
	}
	return s.log
}

// Device is what the file system stands on.
func (s Spec) Device() Device { return s.Variant.Device }

// Needs is what a machine must have for it beyond a plain disk and the kernel's module, "" for nothing.
func (s Spec) Needs() string { return s.Variant.Device.Needs() }
