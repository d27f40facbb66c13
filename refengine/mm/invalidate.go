package mm

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
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
	err, unmapped := errno.OK, false
	last := IndexOf(end - 1)
	for f := m.FindFrom(IndexOf(pos), last); f != nil; f = m.FindFrom(f.Next(), last) {
		if !unmapped && f.Mapped() {
			// Zap the rest of the range in one go: it is likely mapped as well.
			m.UnmapMappingRange(t, f.Pos(), end)
			unmapped = true
		}
		if e := m.invalidateFolio2(t, f); e != errno.OK {
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
	t.Step("invalidate_complete_folio2", f.lock.Obj())
	if f.Mapped() {
		f.zap()
	}
	if !m.Host.ReleaseFolio(t, f) || f.dirty {
		return errno.EBUSY
	}
	m.remove(t, f)
	return errno.OK
}

// InvalidateMappingPages removes what can be removed at once of [pos, end): clean, unlocked, unmapped folios that are not being
// written (invalidate_mapping_pages). It returns how many it removed.
func (m *Mapping) InvalidateMappingPages(t *sched.Task, pos, end int64) int {
	if end <= pos {
		return 0
	}
	n := 0
	last := IndexOf(end - 1)
	for f := m.FindFrom(IndexOf(pos), last); f != nil; f = m.FindFrom(f.Next(), last) {
		if !f.TryLock(t) {
			continue
		}
		if f.mapping == m && !f.dirty && !f.Writeback() && !f.Mapped() && m.Host.ReleaseFolio(t, f) {
			m.remove(t, f)
			n++
		}
		f.Unlock(t)
	}
	return n
}

// KiocbInvalidatePages makes room for a direct write to [pos, end): writes back and invalidates the range
// (kiocb_invalidate_pages, filemap_invalidate_pages). EBUSY means that a folio stayed; with nowait, EAGAIN that one is cached.
func (m *Mapping) KiocbInvalidatePages(t *sched.Task, pos, end int64, nowait bool) errno.Errno {
	t.Step("kiocb_invalidate_pages", m.obj)
	if nowait {
		if m.RangeHasPage(pos, end) {
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
	t.Step("kiocb_write_and_wait", m.obj)
	if nowait {
		if m.RangeNeedsWriteback(pos, end) {
			return errno.EAGAIN
		}
		return errno.OK
	}
	return m.WriteAndWaitRange(t, pos, end)
}

// PostDirectWrite invalidates the range of a direct write that has completed (kiocb_invalidate_post_direct_write). If
// that fails the cache may be stale: the kernel says so in its log, and by an error from the next fsync.
func (m *Mapping) PostDirectWrite(t *sched.Task, pos, end int64) {
	t.Step("kiocb_invalidate_post_direct_write", m.obj)
	if len(m.folios) == 0 || m.InvalidateInodePages2Range(t, pos, end) == errno.OK {
		return
	}
	m.SetWbErr(t, errno.EIO)
	m.emit(t, trace.Event{Name: trace.WarnStalePagecache, Pos: pos, End: end})
	m.emit(t, trace.Event{
		Name: trace.Printk, Pos: pos, End: end, Errno: errno.EIO,
		Text: "Page cache invalidation failure on direct I/O.  Possible data corruption due to collision with buffered I/O!",
	})
}
