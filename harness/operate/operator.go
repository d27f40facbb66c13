// Package operate carries out a program's operations on the programmable disk, and tells what the disk did as a history does: what every
// target with such a disk has in common.
package operate

import (
	"fmt"

	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
)

// Operator operates the disk for one program.
type Operator struct {
	Disk    *disk.Disk
	Program prog.Program
	// Size is where on the disk, in bytes, the part ends that operations are about: what is behind it is for fences.
	Size int64
	// Record switches the recording of requests.
	Record func(on bool)
}

// CarryOut carries out hold, release, fail and record. An error is the harness's own.
func (o Operator) CarryOut(op prog.Op) error {
	switch op.Verb {
	case prog.VHold:
		o.Disk.Hold(o.match(op))
	case prog.VRelease:
		o.Disk.Release(which(op))
	case prog.VFail:
		errno, err := disk.ParseErrno(op.Errno)
		if err != nil {
			return err
		}
		times := int(op.Count)
		if times == 0 {
			times = -1
		}
		o.Disk.Fail(o.match(op), errno, times)
	case prog.VRecord:
		o.Record(op.On)
	default:
		return fmt.Errorf("the disk cannot %s", op)
	}
	return nil
}

// Heal makes the disk an honest one that holds nothing.
func Heal(d *disk.Disk) {
	d.ClearRules()
	d.Release(disk.All())
	d.TrackPower(false)
}

func which(op prog.Op) disk.Which {
	switch op.Which {
	case prog.Oldest:
		return disk.Oldest(int(op.Count))
	case prog.Newest:
		return disk.Newest(int(op.Count))
	}
	return disk.All()
}

// match is which requests a hold or fail means.
func (o Operator) match(op prog.Op) disk.Match {
	m := disk.Match{Ops: opSet(op.Reqs), Ranges: []disk.Range{{Off: 0, End: o.Size}}}
	if op.File != "" {
		m.Data = target.DataOf(o.Program, op.Off, op.Off+op.Len)
	}
	return m
}

func opSet(r prog.Requests) disk.OpSet {
	var set disk.OpSet
	for from, to := range map[prog.Requests]disk.OpSet{prog.Reads: disk.Reads, prog.Writes: disk.Writes, prog.Flushes: disk.Flushes} {
		if r&from != 0 {
			set |= to
		}
	}
	return set
}
