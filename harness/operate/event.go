package operate

import (
	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/harness/history"
)

// Event is a disk's event in a history, at a time of its clock; ok is false for one that histories do not have.
func Event(e disk.Event, at int64) (out history.Event, ok bool) {
	what, ok := map[disk.What]history.What{
		disk.Held: history.Held, disk.Released: history.Released, disk.Answered: history.Answered, disk.Failed: history.Failed,
	}[e.What]
	out = history.Event{
		Kind: history.Disk, Time: at, Op: -1, What: what, Request: int64(e.ID), Dir: e.Op.String(),
		Off: e.Range.Off, Len: e.Range.Len(),
	}
	if e.What == disk.Failed {
		out.Errno = e.Errno.String()
	}
	return out, ok
}
