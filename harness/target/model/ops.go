package model

import (
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/refengine"
	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// all carries out ops, of which the first has number n.
func (t *task) all(ops []prog.Op, n, iter int) {
	for _, op := range ops {
		if t.dead {
			return
		}
		t.one(op, n, iter)
		n += prog.Size([]prog.Op{op})
	}
}

func (t *task) one(op prog.Op, n, iter int) {
	switch {
	case op.Verb == prog.VRepeat:
		for i := range int(op.Count) {
			t.all(op.Body, n+1, iter*int(op.Count)+i)
		}
	case op.Verb == prog.VUntil:
		for i := 0; !t.dead && (i == 0 || !t.in.ended(op.Task)); i++ {
			// A body that fails before it gets to a scheduling point would go round for ever.
			t.t.Step("until", 0)
			t.all(op.Body, n+1, i)
		}
	case op.Expect.MayBlock:
		t.mayBlock(op, n, iter)
	default:
		t.reported(op, n, iter, func() history.Event { return t.do(op, n) })
	}
}

// reported carries out one operation between its two events.
func (t *task) reported(op prog.Op, n, iter int, do func() history.Event) {
	begin := history.Event{Kind: history.Invoke, Task: t.name, Op: n, Iter: iter}
	t.open = &begin
	t.in.emit(begin)
	end := do()
	died := t.killed(&end)
	end.Kind, end.Task, end.Op, end.Iter = history.Return, t.name, n, iter
	t.in.emit(end)
	t.open = nil
	if died {
		t.in.emit(t.obituary(n, iter))
	}
}

// mayBlock gives the operation a task of its own and goes on once that has ended or is asleep.
func (t *task) mayBlock(op prog.Op, n, iter int) {
	child := t.in.spawn(t.t.Go, opRole(n), t.name, func(c *task) {
		c.reported(op, n, iter, func() history.Event { return c.do(op, n) })
	})
	t.in.pending = append(t.in.pending, child)
	t.seeBlocked(child)
}

// seeBlocked waits until the other task has ended or is asleep, and records the latter.
func (t *task) seeBlocked(other *task) {
	_, blocked := t.in.m.AwaitBlocked(t.t, other.t)
	if blocked && other.open != nil {
		t.in.emit(history.Event{Kind: history.Blocked, Task: other.name, Op: other.open.Op, Iter: other.open.Iter, Where: t.in.m.WaitingIn(other.t)})
	}
}

// do carries out an operation and gives its result.
func (t *task) do(op prog.Op, n int) history.Event {
	if op.Verb.IsData() {
		return t.data(op)
	}
	d := t.in.m.Disk()
	switch op.Verb {
	case prog.VHold:
		d.Hold(t.in.match(op))
	case prog.VAwaitHeld:
		d.AwaitHeld(t.t, int(op.Count))
	case prog.VRelease:
		d.Release(t.t, which(op))
	case prog.VFail:
		t.in.fail(op)
	case prog.VRecord:
		t.in.record = op.On
	case prog.VAwaitBlocked:
		t.seeBlocked(t.in.tasks[op.Task])
	case prog.VGo:
		t.in.spawn(t.t.Go, op.Task, op.Task, func(c *task) { c.all(op.Body, n+1, 0) })
	case prog.VJoin:
		t.t.Join(t.in.tasks[op.Task].t)
	case prog.VDropCaches:
		t.in.m.DropCaches(t.t)
	case prog.VRemount:
		return failed(t.in.m.Remount(t.t))
	case prog.VCut:
		return t.cut(op)
	case prog.VMemoryHigh, prog.VMemoryMax:
		return t.limit(op)
	}
	return history.Event{}
}

func (in *interpreter) match(op prog.Op) block.Match {
	m := block.Match{}
	for from, to := range map[prog.Requests]block.OpSet{prog.Reads: block.Reads, prog.Writes: block.Writes, prog.Flushes: block.Flushes} {
		if op.Reqs&from != 0 {
			m.Ops |= to
		}
	}
	if op.File != "" {
		m.Data = in.job.dataOf(op.Off, op.Off+op.Len)
	}
	return m
}

func which(op prog.Op) block.Which {
	switch op.Which {
	case prog.Oldest:
		return block.Oldest(int(op.Count))
	case prog.Newest:
		return block.Newest(int(op.Count))
	}
	return block.Everything()
}

// fail makes the disk answer with an errno; one that the engine has no number for becomes EIO, as a block device would.
func (in *interpreter) fail(op prog.Op) {
	e := errno.EIO
	if op.Errno == errno.ENOSPC.String() {
		e = errno.ENOSPC
	}
	times := int(op.Count)
	if times == 0 {
		times = -1
	}
	in.m.Disk().Fail(in.match(op), e, times)
}

// file is the task's open file.
func (t *task) file(name string) (*refengine.File, errno.Errno) {
	if f := t.files[name]; f != nil {
		return f, errno.OK
	}
	f, e := t.in.m.Open(t.t, name)
	if e == errno.OK {
		t.files[name] = f
	}
	return f, e
}

// data carries out an operation on a file.
func (t *task) data(op prog.Op) history.Event {
	switch op.Verb {
	case prog.VReap:
		return t.reap(op)
	case prog.VReclaim:
		return t.reclaim(op)
	case prog.VHog:
		return failed(t.in.m.Hog(t.t, op.Len))
	case prog.VFillDisk:
		return failed(t.in.m.FillDisk(t.t, op.Len))
	case prog.VFillQuota:
		return failed(t.in.m.FillQuota(t.t, op.Len))
	case prog.VFileLimit:
		t.in.m.SetFileLimit(t.t, op.Len)
		return history.Event{}
	}
	f, e := t.file(op.File)
	if e != errno.OK {
		return failed(e)
	}
	if out, done := t.cache(f, op); done {
		return out
	}
	mem, e := t.buffer(op)
	if e != errno.OK {
		return failed(e)
	}
	switch op.Verb {
	case prog.VAIOWrite:
		arenaOf(t.in.s).lend(mem.Bytes())
		t.aio[op.AIO] = submitted{f.SubmitWriteBuffer(t.t, mem, op.Off, flags(op)), op, mem}
		return history.Event{}
	case prog.VAIORead:
		arenaOf(t.in.s).lend(mem.Bytes())
		t.aio[op.AIO] = submitted{f.SubmitReadBuffer(t.t, mem, op.Off, flags(op)), op, mem}
		return history.Event{}
	case prog.VUringWrite, prog.VUringRead:
		arenaOf(t.in.s).lend(mem.Bytes())
		t.aio[op.AIO] = submitted{uring(t.t, f, op, mem), op, mem}
		return history.Event{}
	case prog.VCopyRange:
		return t.copyRange(f, op)
	case prog.VFsync:
		return failed(f.Fsync(t.t))
	case prog.VFdatasync:
		return failed(f.Fdatasync(t.t))
	case prog.VTruncate:
		return failed(f.Truncate(t.t, op.Len))
	case prog.VFallocate:
		return failed(fallocate(t.t, f, op))
	case prog.VSize:
		return history.Event{N: f.Size()}
	}
	count, e := transfer(t.t, f, op, mem)
	out := t.result(op, mem, count, e)
	arenaOf(t.in.s).giveBack(mem.Bytes())
	return out
}

// transfer moves bytes between the buffer and the file.
func transfer(st *sched.Task, f *refengine.File, op prog.Op, mem mm.Buffer) (int64, errno.Errno) {
	switch op.Verb {
	case prog.VWrite:
		return f.WriteBuffer(st, mem, op.Off, flags(op))
	case prog.VRead:
		return f.ReadBuffer(st, mem, op.Off, flags(op))
	case prog.VDirectWrite:
		return f.DirectWriteBuffer(st, mem, op.Off, flags(op))
	case prog.VDirectRead:
		return f.DirectReadBuffer(st, mem, op.Off, flags(op))
	case prog.VStore:
		return f.Store(st, mem.Bytes(), op.Off)
	case prog.VSpliceWrite:
		return f.SpliceWrite(st, mem.Bytes(), op.Off, flags(op), op.Direct())
	case prog.VSpliceRead:
		return f.SpliceRead(st, mem.Bytes(), op.Off, op.Direct())
	}
	return f.Load(st, mem.Bytes(), op.Off)
}

func flags(op prog.Op) refengine.Flags {
	var out refengine.Flags
	if op.Flags&prog.DSync != 0 {
		out |= refengine.Dsync
	}
	if op.Flags&prog.NoWait != 0 {
		out |= refengine.Nowait
	}
	return out
}

// fallocate maps the modes; those that the engine lacks are EOPNOTSUPP, as on a file system that lacks them.
func fallocate(st *sched.Task, f *refengine.File, op prog.Op) errno.Errno {
	mode, ok := map[prog.FallocMode]fs.Mode{
		prog.FallocAlloc: fs.Allocate, prog.FallocKeep: fs.KeepSize, prog.FallocPunch: fs.PunchHole | fs.KeepSize, prog.FallocZero: fs.ZeroRange,
		prog.FallocUnshare: fs.UnshareRange, prog.FallocCollapse: fs.CollapseRange, prog.FallocInsert: fs.InsertRange,
	}[op.Mode]
	if !ok {
		return errno.EOPNOTSUPP
	}
	return f.Fallocate(st, mode, op.Off, op.Len)
}

func (t *task) reap(op prog.Op) history.Event {
	s, ok := t.aio[op.AIO]
	if !ok {
		return failed(errno.ENOENT)
	}
	n, e := s.aio.Reap(t.t)
	return t.result(s.op, s.mem, n, e)
}

func failed(e errno.Errno) history.Event {
	if e == errno.OK {
		return history.Event{}
	}
	return history.Event{Errno: e.String()}
}

// result is what a transfer returned. The errno of a mapped access that faulted is a signal to the task.
func (t *task) result(op prog.Op, mem mm.Buffer, n int64, e errno.Errno) history.Event {
	out := failed(e)
	out.N = n
	if e != errno.OK && op.Verb.Mapped() {
		out.Errno = "SIGBUS"
	}
	if op.Verb.Reads() && e == errno.OK {
		out.Data = t.describe(mem, n, op.Off)
	}
	return out
}
