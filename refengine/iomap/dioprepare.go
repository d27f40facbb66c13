package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// The releases that changed how direct I/O begins.
const (
	// coherentWrites: "iomap: Only invalidate page cache pages on direct IO writes", "iomap: fall back to buffered writes for
	// invalidation failures".
	coherentWrites Version = 509
	// nowaitReadsCached: a NOWAIT read goes on over a clean cache ("iomap: use filemap_range_needs_writeback() for O_DIRECT reads");
	// before, any folio was EAGAIN.
	nowaitReadsCached Version = 513
	// invalidateMasks: "iomap: use kiocb_write_and_wait and kiocb_invalidate_pages" takes a failed writeback for a failed invalidation.
	invalidateMasks Version = 605
)

// prepare makes cache and disk agree before the disk is asked: what is dirty is written back, and a write's range leaves the
// cache. false ends the request with the error.
func (d *dio) prepare(t *sched.Task) (bool, errno.Errno) {
	var err errno.Errno
	if d.write {
		err = d.prepareWrite(t)
	} else if d.pos >= d.iSize {
		return false, errno.OK
	} else {
		err = d.prepareRead(t)
	}
	return err == errno.OK, err
}

func (d *dio) prepareRead(t *sched.Task) errno.Errno {
	sb, m, end := d.ino.Sb, d.ino.Mapping, d.k.End()
	if d.k.Nowait && sb.Release < nowaitReadsCached && m.RangeHasPage(t, d.pos, end) {
		return errno.EAGAIN
	}
	if err := m.KiocbWriteAndWait(t, d.pos, end, d.k.Nowait); err != errno.OK {
		return err
	}
	if !sb.readsInvalidate() {
		return errno.OK
	}
	if m.InvalidateInodePages2Range(t, d.pos, end) != errno.OK {
		d.warnStale(t)
	}
	return errno.OK
}

// readsInvalidate says whether direct reads throw the cache away. They did because of how XFS had come from Irix, and nothing was
// coherent for it.
func (sb *Super) readsInvalidate() bool {
	switch sb.Behaviour.DirectReads {
	case ReadsLeaveCache:
		return false
	case ReadsInvalidate:
		return true
	}
	return sb.Release < coherentWrites || sb.Mutants.Has(mutant.DioReadInvalidates)
}

func (d *dio) prepareWrite(t *sched.Task) errno.Errno {
	sb, k := d.ino.Sb, d.k
	if d.flags&DioOverwriteOnly != 0 && (d.pos >= d.iSize || k.End() > d.iSize) {
		return errno.EAGAIN
	}
	d.needSync, d.writeThrough = k.Dsync, k.Dsync
	if d.flags&DioCacheBlocked != 0 {
		return errno.OK
	}
	m := d.ino.Mapping
	if sb.Mutants.Has(mutant.DioInvalidateNothing) && !k.Nowait {
		return m.WriteAndWaitRange(t, d.pos, k.End())
	}
	nowait := k.Nowait && !sb.Mutants.Has(mutant.DioNowaitBlocks)
	err := m.KiocbInvalidatePages(t, d.pos, k.End(), nowait)
	if err == errno.OK || err == errno.EAGAIN {
		return err
	}
	if err != errno.EBUSY && sb.returnsWritebackErrors() {
		return err
	}
	return d.invalidateFailed(t)
}

func (sb *Super) returnsWritebackErrors() bool {
	switch sb.Behaviour.WritebackFailure {
	case WritebackErrorReturned:
		return true
	case WritebackErrorFallsBack:
		return false
	}
	return sb.Release < invalidateMasks
}

// invalidateFailed decides about a write whose range is still cached.
func (d *dio) invalidateFailed(t *sched.Task) errno.Errno {
	sb := d.ino.Sb
	policy := sb.Behaviour.InvalidateFailure
	if policy == FailureByRelease && sb.Release < coherentWrites {
		policy = FailureLeavesStale
	}
	if policy == FailureLeavesStale {
		d.warnStale(t)
		return errno.OK
	}
	d.ino.Emit(t, trace.Event{Name: trace.DioInvalidateFail, Pos: d.pos, End: d.k.End()})
	switch {
	case policy == FailureEremchg:
		return errno.EREMCHG
	case policy == FailureNotUptodate:
		d.ino.Mapping.MarkNotUptodate(t, d.pos, d.k.End())
		return errno.OK
	case sb.Mutants.Has(mutant.DioIgnoreInvalidateFailure):
		return errno.OK
	}
	return errno.ENOTBLK
}

// warnStale says in the log and to the next fsync that the cache may not show what is on the disk (dio_warn_stale_pagecache).
func (d *dio) warnStale(t *sched.Task) { d.ino.Mapping.WarnStale(t, d.pos, d.k.End()) }
