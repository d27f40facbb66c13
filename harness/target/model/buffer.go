package model

import (
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
)

// buffer is the memory for an operation, painted for writes and poisoned for reads, but for a mapping, which stays as it is.
func (t *task) buffer(op prog.Op) (mm.Buffer, errno.Errno) {
	if !op.Verb.Writes() && !op.Verb.Reads() {
		return mm.Plain(nil), errno.OK
	}
	if op.Buffer.Kind == prog.Via {
		g, e := t.file(op.Buffer.File)
		if e != errno.OK {
			return mm.Buffer{}, e
		}
		return g.Memory(t.t, op.Buffer.Off, op.Len), errno.OK
	}
	p := arenaOf(t.in.s).bytes(op.Len)
	if op.Verb.Writes() {
		prog.Paint(p, op.Fill, op.Off)
	} else {
		prog.Poison(p)
	}
	if op.Buffer.Kind == prog.Guarded {
		return mm.Guarded(t.t.Sched(), p, op.Buffer.Usable), errno.OK
	}
	return mm.Plain(p), errno.OK
}

// describe tells what stands in the first n bytes of a buffer. A mapping is read like any other memory of the program, which may
// fault; where it cannot be read, the content is not told.
func (t *task) describe(b mm.Buffer, n, at int64) prog.Content {
	if p := b.Bytes(); p != nil {
		return prog.Describe(p[:n], at)
	}
	p := arenaOf(t.in.s).bytes(n)
	defer arenaOf(t.in.s).giveBack(p)
	if got := b.CopyFrom(t.t, 0, p, 0, false); got < n {
		return prog.Content{{Len: n, Fill: prog.Garbage}}
	}
	return prog.Describe(p, at)
}
