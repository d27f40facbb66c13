package mm

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// InvalidateInodePages2Range removes every folio that overlaps [pos, end), whole folios, waiting for locks and writeback
// (invalidate_inode_pages2_range). A folio that is dirty again, or that the filesystem does not release, stays and makes
// the result EBUSY; the others are removed all the same.
func (m *Mapping) InvalidateInodePages2Range(t *sched.Task, pos, end int64) errno.Errno {
	if end <= pos {
		return errno.OK
	}
	if m.DAX {
		return m.daxInvalidate(t, pos, end)
	}
	err, unmapped := errno.OK, false
	last := IndexOf(end - 1)
	for f := m.FindFrom(t, IndexOf(pos), last); f != nil; f = m.FindFrom(t, f.Next(), last) {
		if !unmapped && f.Mapped(t) && !m.Mutants.Has(mutant.InvalidateNoUnmap) {
			// Zap the rest of the range in one go: it is likely mapped as well.
			m.UnmapMappingRange(t, f.Pos(), end)
			unmapped = true
		}
		if e := m.invalidateFolio2(t, f); e != errno.OK && !m.Mutants.Has(mutant.InvalidateAlwaysOK) {
			err = e
		}
	}
	return err
}

func (m *Mapping) invalidateFolio2(t *sched.Task, f *Folio) errno.Errno {
	f.Lock(t)
	defer f.Unlock(t)
	if f.mapping != m {
		return errno.OK
	}
	f.WaitWriteback(t)
	t.Step("invalidate_complete_folio2", 0)
	if f.Mapped(t) && !m.Mutants.Has(mutant.InvalidateNoUnmap) {
		f.zap(t)
	}
	if f.Dirty(t) && m.Mutants.Has(mutant.InvalidateNoDirtyRecheck) {
		m.remove(t, f)
		return errno.OK
	}
	if !m.Host.ReleaseFolio(t, f) || f.Dirty(t) {
		return errno.EBUSY
	}
	m.remove(t, f)
	return errno.OK
}

// InvalidateMappingPages removes what can be removed at once of [pos, end): clean, unlocked, unmapped folios that are neither
// being written nor used by anybody (invalidate_mapping_pages). It returns how many it removed.
func (m *Mapping) InvalidateMappingPages(t *sched.Task, pos, end int64) int {
	if end <= pos {
		return 0
	}
	n := 0
	last := IndexOf(end - 1)
	for f := m.FindFrom(t, IndexOf(pos), last); f != nil; f = m.FindFrom(t, f.Next(), last) {
		if !f.TryLock(t) {
			continue
		}
		if f.mapping == m && m.evictable(t, f) {
			m.remove(t, f)
			n++
		}
		f.Unlock(t)
	}
	return n
}

// evictable is mapping_evict_folio up to the removal. Whether somebody else uses the folio was looked at only after it had been
// released before 5.18 ("mm/truncate: Replace page_mapped() call in invalidate_inode_page()"): a folio that stays has lost its private
// state there.
func (m *Mapping) evictable(t *sched.Task, f *Folio) bool {
	if f.Dirty(t) || f.Writeback(t) || f.Mapped(t) {
		return false
	}
	if m.Release >= refsBeforeRelease && f.inUse(t) {
		return false
	}
	return m.Host.ReleaseFolio(t, f) && !f.inUse(t)
}

// refsBeforeRelease is the first release whose mapping_evict_folio looks at the references before it releases the folio.
const refsBeforeRelease = 601

// inUse says whether somebody has a reference to the folio beyond the cache and page tables; the folio is locked.
func (f *Folio) inUse(t *sched.Task) bool {
	t.Reads(f.lock.Obj())
	t.Reads(f.obj)
	return f.refs > 0 || f.pins > 0
}

// KiocbInvalidatePages makes room for a direct write to [pos, end): writes back and invalidates the range
// (kiocb_invalidate_pages, filemap_invalidate_pages). EBUSY means that a folio stayed; with nowait, EAGAIN that one is cached.
func (m *Mapping) KiocbInvalidatePages(t *sched.Task, pos, end int64, nowait bool) errno.Errno {
	t.Step("kiocb_invalidate_pages", 0)
	if nowait {
		if m.RangeHasPage(t, pos, end) {
			return errno.EAGAIN
		}
		return errno.OK
	}
	if err := m.WriteAndWaitRange(t, pos, end); err != errno.OK {
		return err
	}
	return m.InvalidateInodePages2Range(t, pos, end)
}

// KiocbWriteAndWait writes back the range of a direct read (kiocb_write_and_wait).
func (m *Mapping) KiocbWriteAndWait(t *sched.Task, pos, end int64, nowait bool) errno.Errno {
	t.Step("kiocb_write_and_wait", 0)
	if nowait {
		if m.RangeNeedsWriteback(t, pos, end) {
			return errno.EAGAIN
		}
		return errno.OK
	}
	return m.WriteAndWaitRange(t, pos, end)
}

// PostDirectWrite invalidates the range of a direct write that has completed (kiocb_invalidate_post_direct_write). If
// that fails the cache may be stale: the kernel says so in its log, and by an error from the next fsync.
func (m *Mapping) PostDirectWrite(t *sched.Task, pos, end int64) {
	t.Step("kiocb_invalidate_post_direct_write", 0)
	if m.NoneCached(t) || m.InvalidateInodePages2Range(t, pos, end) == errno.OK {
		return
	}
	if !m.Mutants.Has(mutant.PostInvalidateSilent) {
		m.WarnStale(t, pos, end)
	}
}

// WarnStale says that the cache may not show what is on the disk: in the log, and by EIO from the next fsync of every open file
// (dio_warn_stale_pagecache).
func (m *Mapping) WarnStale(t *sched.Task, pos, end int64) {
	m.SetWbErr(t, errno.EIO)
	m.emit(t, trace.Event{Name: trace.WarnStalePagecache, Pos: pos, End: end})
	m.emit(t, trace.Event{
		Name: trace.Printk, Pos: pos, End: end, Errno: errno.EIO,
		Text: "Page cache invalidation failure on direct I/O.  Possible data corruption due to collision with buffered I/O!",
	})
}
