package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// inlineWrites is the first release that may complete an asynchronous direct write in the context of its last request, if there is
// nothing to convert, to sync or to invalidate ("iomap: support write completions from interrupt context"); and that completes what
// failed in a task's context only ("iomap: always run error completions in user context"), 6.19. The latter is in
// 6.12.63 as well, which is not modelled.
const inlineWrites Version = 619

// finishSubmission drops the submitter's reference; a synchronous request waits here for its completion. An
// asynchronous one of which nothing is in flight any more completes here too.
func (d *dio) finishSubmission(t *sched.Task) (int64, errno.Errno) {
	t.Writes(d.obj)
	d.ref--
	if d.ref > 0 && !d.wait {
		d.ino.Emit(t, trace.Event{Name: trace.DioRWQueued, Pos: d.pos, End: d.k.End()})
		return 0, errno.EIOCBQUEUED
	}
	if d.ref > 0 {
		d.done.Wait(t, "iomap_dio_rw")
	}
	return d.complete(t)
}

// put drops a request's reference; the last one completes the I/O (iomap_dio_done).
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

// completeAsync completes what can be completed without blocking at once, and the rest on the work queue: blocks may have to be
// converted, the cache invalidated, the disk flushed.
func (d *dio) completeAsync(t *sched.Task) {
	finish := func(t *sched.Task) {
		n, e := d.complete(t)
		d.k.Complete(t, n, e)
	}
	if d.mayCompleteInline(t) {
		finish(t)
		return
	}
	d.ino.Sb.DioWorkqueue.Queue(finish)
}

// mayCompleteInline is the rule of iomap_dio_bio_end_io: reads always could, until errors came to be reported from a task. A write
// over which something is cached must be invalidated, which takes folio locks.
func (d *dio) mayCompleteInline(t *sched.Task) bool {
	sb := d.ino.Sb
	late := sb.Release >= inlineWrites
	if !d.write {
		return !late || d.err == errno.OK
	}
	inline := sb.Mutants.Has(mutant.DioInlineThoughCached)
	if late && d.err == errno.OK && !d.completionWork() {
		inline = inline || d.ino.Mapping.NoneCached(t)
	}
	d.noInvalidate = inline
	return inline && !d.completionWork()
}

// completionWork says whether the completion has more to do than to report (IOMAP_DIO_COMP_WORK).
func (d *dio) completionWork() bool {
	return d.unwritten || d.cow || d.needSync || d.pos+d.size > d.iSize
}

// complete is iomap_dio_complete. Its order matters: blocks become valid before the size shows them, both before the cache
// is invalidated again, since a buffered read in between would cache zeros; and i_dio_count drops only after that, so that truncate and
// whoever else waits for it sees a cache that agrees with the disk.
func (d *dio) complete(t *sched.Task) (int64, errno.Errno) {
	t.Step("iomap_dio_complete", 0)
	ino := d.ino
	early := d.syncEarly(t)
	err := ino.Hooks.DirectEndIO(t, ino, d.result())
	n := d.size
	if !d.write && d.pos+n > d.iSize && !ino.Sb.Mutants.Has(mutant.DioReadPastEOF) {
		n = d.iSize - d.pos
	}
	d.invalidateAndEnd(t)
	if err == errno.OK && n > 0 && d.needSync && !early {
		err = ino.Fsync(t, d.pos, d.pos+n, d.k.WbErr)
	}
	switch {
	case err != errno.OK:
		n = 0
	case n > 0 && !ino.Sb.Mutants.Has(mutant.DioForgetsDoneBefore):
		n += d.k.DoneBefore
	}
	ino.Emit(t, trace.Event{Name: trace.DioComplete, Pos: d.pos, End: d.k.End(), Ret: n, Errno: err})
	return n, err
}

// syncEarly is what mutants do of a write's generic_write_sync: nothing, or all of it before the write's blocks are valid. It says whether
// that was so.
func (d *dio) syncEarly(t *sched.Task) bool {
	m := d.ino.Sb.Mutants
	if d.needSync && m.Has(mutant.DioSyncBeforeConversion) {
		d.ino.Fsync(t, d.pos, d.pos+d.size, d.k.WbErr)
	}
	return m.Has(mutant.DioSyncBeforeConversion) || m.Has(mutant.DioDsyncNotSynced)
}

func (d *dio) result() DirectResult {
	err := d.err
	if d.ino.Sb.Mutants.Has(mutant.DioAioErrorLost) && !d.wait {
		err = errno.OK
	}
	return DirectResult{Pos: d.pos, End: d.pos + d.size, Write: d.write, Err: err, Unwritten: d.unwritten, Cow: d.cow}
}

// invalidateAndEnd takes what was cached during a write out of the cache, and then lets those who wait for i_dio_count go on.
func (d *dio) invalidateAndEnd(t *sched.Task) {
	early := d.ino.Sb.Mutants.Has(mutant.DioEndBeforeInvalidate)
	if early {
		d.ino.DioEnd(t)
	}
	if d.postInvalidates() {
		pos := d.pos
		if d.ino.Sb.Mutants.Has(mutant.DioInvalidatesBehind) {
			pos += d.size
		}
		d.ino.Mapping.PostDirectWrite(t, pos, pos+d.size)
	}
	if !early {
		d.ino.DioEnd(t)
	}
}

func (d *dio) postInvalidates() bool {
	if !d.write || d.err != errno.OK || d.size == 0 {
		return false
	}
	return !d.noInvalidate && d.flags&DioCacheBlocked == 0 && !d.ino.Sb.Mutants.Has(mutant.DioSkipPostInvalidate)
}
