package model

import (
	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/refengine"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
)

// pinKey is a pinned range of a file.
type pinKey struct {
	file     string
	off, len int64
}

// limit carries out memory high and memory max.
func (t *task) limit(op prog.Op) history.Event {
	n := max(op.Len, 0) // NoLimit is the engine's 0
	if op.Verb == prog.VMemoryHigh {
		t.in.high = n
	} else {
		t.in.max = n
	}
	return failed(t.in.m.SetMemory(t.t, t.in.high, t.in.max))
}

// reclaim takes what can be had, and says how much that was.
func (t *task) reclaim(op prog.Op) history.Event {
	before := t.in.m.MemoryEvents().Steal
	if e := t.in.m.Reclaim(t.t, op.Len); e != errno.OK && e != errno.EAGAIN {
		return failed(e)
	}
	return history.Event{N: int64(t.in.m.MemoryEvents().Steal-before) * mm.PageSize}
}

// cache carries out an operation that changes or asks what is in memory of a file, or what it is; false for any other.
func (t *task) cache(f *refengine.File, op prog.Op) (history.Event, bool) {
	switch op.Verb {
	case prog.VFlood:
		return t.flood(f, op), true
	case prog.VEvict:
		f.Evict(t.t, op.Off, op.Len)
	case prog.VReadahead:
		return failed(f.Readahead(t.t, op.Off, op.Len)), true
	case prog.VResident:
		return history.Event{N: min(op.Len, int64(f.Resident(t.t, op.Off, op.Len))*mm.PageSize)}, true
	case prog.VMlock:
		return failed(f.Mlock(t.t, op.Off, op.Len)), true
	case prog.VMunlock:
		f.Munlock(t.t, op.Off, op.Len)
	case prog.VPin:
		return t.pin(f, op), true
	case prog.VUnpin:
		return t.unpin(op), true
	case prog.VClone:
		return t.clone(f, op), true
	case prog.VAttr:
		return failed(f.SetAttr(t.t, attr(op.Attr))), true
	default:
		return history.Event{}, false
	}
	return history.Event{}, true
}

// flood reads the range a page at a time, up to the end of the file, and forgets what it read.
func (t *task) flood(f *refengine.File, op prog.Op) history.Event {
	page := make([]byte, mm.PageSize)
	for at := op.Off; at < op.Off+op.Len; at += mm.PageSize {
		if n, e := f.Read(t.t, page, at, 0); n == 0 || e != errno.OK {
			return failed(e)
		}
	}
	return history.Event{}
}

// reportMemory says what the cgroup has counted, as harness/exec does on a kernel.
func (in *interpreter) reportMemory() {
	if in.job.limited {
		counted := in.m.MemoryEvents()
		in.emit(history.Event{Kind: history.Note, Op: -1, Name: history.MemoryPressure, N: int64(counted.Steal), Text: counted.String()})
	}
}

func (t *task) pin(f *refengine.File, op prog.Op) history.Event {
	key := pinKey{op.File, op.Off, op.Len}
	if _, pinned := t.pins[key]; pinned {
		return failed(errno.EBUSY)
	}
	pins, got := f.Pin(t.t, op.Off, op.Len, false)
	if got < op.Len {
		pins.Unpin(t.t)
		return failed(errno.EFAULT)
	}
	t.pins[key] = pins
	return history.Event{}
}

func (t *task) unpin(op prog.Op) history.Event {
	key := pinKey{op.File, op.Off, op.Len}
	pins, pinned := t.pins[key]
	if !pinned {
		return failed(errno.ENOENT)
	}
	delete(t.pins, key)
	pins.Unpin(t.t)
	return history.Event{}
}

// clone makes a file share all of another's extents.
func (t *task) clone(f *refengine.File, op prog.Op) history.Event {
	to, e := t.file(op.To)
	if e != errno.OK {
		return failed(e)
	}
	return failed(f.CloneRange(t.t, 0, to, 0, 0))
}

// attr is the engine's name of an attribute.
func attr(a prog.Attr) fs.Attr {
	return map[prog.Attr]fs.Attr{prog.AttrJournal: fs.Journalled, prog.AttrNoDatasum: fs.NoDatasum, prog.AttrCompress: fs.Compressed, prog.AttrRealtime: fs.DAX}[a]
}

// killed ends a task that the engine has killed for want of memory, as a kernel would: the operation it was in returns SIGKILL.
func (t *task) killed(end *history.Event) bool {
	if t.dead || !t.in.m.OOMKilled(t.t) {
		return false
	}
	t.dead = true
	*end = history.Event{Errno: "SIGKILL"}
	return true
}

// obituary is the note that says so.
func (t *task) obituary(op, iter int) history.Event {
	return history.Event{Kind: history.Note, Task: t.name, Op: op, Iter: iter, Name: exec.OOMKilled, Text: "the engine killed the task for want of memory"}
}
