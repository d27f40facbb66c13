package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// finishSubmission drops the submitter's reference; a synchronous request waits here for its completion. An
// asynchronous one of which nothing is in flight any more completes here too.
func (d *dio) finishSubmission(t *sched.Task) (int64, errno.Errno) {
	d.ref--
	if d.ref > 0 && !d.wait {
		d.ino.Emit(t, trace.Event{Name: trace.DioRWQueued, Pos: d.k.Pos, End: d.k.End()})
		return 0, errno.EIOCBQUEUED
	}
	if d.ref > 0 {
		d.done.Wait(t, "iomap_dio_rw")
	}
	return d.complete(t)
}

// put drops a request's reference; the last one completes the I/O (iomap_dio_bio_end_io, iomap_dio_done).
func (d *dio) put(t *sched.Task) {
	d.ref--
	switch {
	case d.ref > 0:
	case d.wait:
		d.done.Set()
	default:
		d.completeAsync(t)
	}
}

// completeAsync completes a read at once and a write on the work queue: it may have to convert blocks, invalidate and sync.
func (d *dio) completeAsync(t *sched.Task) {
	finish := func(t *sched.Task) {
		n, e := d.complete(t)
		d.k.Complete(t, n, e)
	}
	if d.write {
		d.ino.Sb.DioWorkqueue.Queue(finish)
		return
	}
	finish(t)
}

// complete is iomap_dio_complete. Its order matters: blocks become valid before the size shows them, both before the cache
// is invalidated again, since a buffered read in between would cache zeros; and i_dio_count drops only after that, so that truncate and
// whoever else waits for it sees a cache that agrees with the disk.
func (d *dio) complete(t *sched.Task) (int64, errno.Errno) {
	t.Step("iomap_dio_complete", d.ino.obj)
	ino, k := d.ino, d.k
	end := k.Pos + d.size
	if !d.write {
		ino.Hooks.EndRead(ino, k.Pos, d.end())
	}
	if d.write && d.err == errno.OK && d.size > 0 {
		d.endIO(t, end)
	}
	if d.write {
		ino.Hooks.EndDirectWrite(ino, k.Pos, d.end())
	}
	n := d.size
	if !d.write && k.Pos+n > d.iSize {
		n = d.iSize - k.Pos
	}
	if d.write && d.err == errno.OK && d.size > 0 && !ino.Sb.Mutants.Has(mutant.DioSkipPostInvalidate) {
		ino.Mapping.PostDirectWrite(t, k.Pos, end)
	}
	t.Step("inode_dio_end", ino.dio.Obj())
	ino.dio.Add(-1)
	err := d.err
	if err == errno.OK && n > 0 && d.needSync {
		err = ino.Fsync(t, k.Pos, end, k.WbErr)
	}
	if err != errno.OK {
		n = 0
	}
	ino.Emit(t, trace.Event{Name: trace.DioComplete, Pos: k.Pos, End: k.End(), Ret: n, Errno: err})
	return n, err
}

// endIO is the filesystem's ->end_io (xfs_dio_write_end_io): blocks first, then the size.
func (d *dio) endIO(t *sched.Task, end int64) {
	newSize := int64(0)
	if end > d.ino.isize {
		newSize = end
	}
	d.ino.FinishWrite(t, d.k.Pos, end, newSize)
	if newSize > 0 {
		t.Step("i_size_write", d.ino.obj)
		d.ino.isize = max(d.ino.isize, newSize)
	}
}
