package mm

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// Read copies from the page cache to memory that does not fault; see ReadIter.
func (m *Mapping) Read(t *sched.Task, p []byte, pos int64, nowait bool) (int64, errno.Errno) {
	return m.ReadIter(t, Plain(p), pos, nowait, false)
}

// ReadIter copies from the page cache, filling it where it lacks (filemap_read). With nowait it returns EAGAIN where it would
// have to wait; with nofault it stops where the buffer's pages are not present. It returns the bytes copied; the error only if there are
// none: EFAULT if the buffer cannot be written.
func (m *Mapping) ReadIter(t *sched.Task, b Buffer, pos int64, nowait, nofault bool) (int64, errno.Errno) {
	done := int64(0)
	for done < b.Len() {
		sampled := m.Host.ISize(t)
		f, err := m.getPage(t, pos+done, pos+b.Len(), nowait)
		if f == nil {
			if done > 0 {
				err = errno.OK
			}
			return done, err
		}
		// i_size is read after the folio is known to be uptodate, so that nobody sees bytes of a racing truncate (filemap_read).
		size := m.Host.ISize(t)
		if m.Mutants.Has(mutant.ReadISizeBeforeUptodate) {
			size = sampled
		}
		if b.pipe != nil && m.Mutants.Has(mutant.SpliceIgnoresISize) {
			size = f.End()
		}
		n := min(f.End(), size, pos+b.Len()) - (pos + done)
		if n <= 0 {
			break
		}
		got := m.copyOut(t, f, b, pos, done, n, nofault)
		if m.Mutants.Has(mutant.ReadCountsUncopied) {
			got = n
		}
		if done += got; got < n {
			return shortCopy(done)
		}
	}
	return done, errno.OK
}

// copyOut copies n bytes of a folio to the buffer (copy_folio_to_iter). The folio is not locked, but referenced.
func (m *Mapping) copyOut(t *sched.Task, f *Folio, b Buffer, pos, done, n int64, nofault bool) int64 {
	off := pos + done - f.Pos()
	if b.pipe != nil {
		b.pipe.take(t, f, off, b.pos+done, n)
		return n
	}
	f.Get(t)
	t.Step("copy_folio_to_iter", 0)
	got := b.CopyTo(t, done, f.Data[off:off+n], f.obj, nofault)
	f.Put(t)
	return got
}

// shortCopy is what a read returns whose buffer could not take more.
func shortCopy(done int64) (int64, errno.Errno) {
	if done > 0 {
		return done, errno.OK
	}
	return 0, errno.EFAULT
}

// getPage returns the uptodate folio that holds pos, nil at the end of the file or with an error (filemap_get_pages).
func (m *Mapping) getPage(t *sched.Task, pos, end int64, nowait bool) (*Folio, errno.Errno) {
	for {
		t.Step("filemap_get_pages", 0)
		if pos >= m.Host.ISize(t) {
			return nil, errno.OK
		}
		f := m.Find(t, IndexOf(pos))
		if f == nil {
			if nowait {
				return nil, errno.EAGAIN
			}
			if err := m.readahead(t, IndexOf(pos), IndexOf(end-1)); err != errno.OK {
				return nil, err
			}
			continue
		}
		if f.Uptodate(t) {
			return f, errno.OK
		}
		if nowait && !m.Mutants.Has(mutant.NowaitReadWaits) {
			return nil, errno.EAGAIN
		}
		if ok, err := m.updatePage(t, f); ok || err != errno.OK {
			return f.orNil(err), err
		}
	}
}

func (f *Folio) orNil(err errno.Errno) *Folio {
	if err != errno.OK {
		return nil
	}
	return f
}

// readahead adds folios for pages [i, last] up to the first that is cached, and starts to read them
// (page_cache_ra_unbounded, filemap_create_folio). invalidate_lock keeps truncate and hole punching from freeing the blocks meanwhile.
// ENOMEM says that the memory cgroup did not allow a single one.
func (m *Mapping) readahead(t *sched.Task, i, last Index) errno.Errno {
	if m.readsExclude() {
		m.InvalidateLock.RLock(t)
		defer m.InvalidateLock.RUnlock(t)
	}
	size := m.Host.ISize(t)
	if size == 0 {
		return errno.OK
	}
	last = min(last, IndexOf(size-1))
	var folios []*Folio
	err := errno.OK
	for i <= last {
		var f *Folio
		charge := m.Memcg.charge
		if len(folios) > 0 {
			charge = m.Memcg.chargeSpare // more than the folio that is asked for is read only if there is room
		}
		if f, err = m.addCharged(t, i, charge); err != errno.OK {
			break
		}
		folios = append(folios, f)
		i = f.Next()
	}
	if len(folios) > 0 {
		m.Host.Readahead(t, folios)
		return errno.OK
	}
	if err == errno.EEXIST {
		err = errno.OK
	}
	return err
}

// invalidateLockInReads is the first release whose reads take invalidate_lock; before, only faults took a lock of the filesystem's
// in its place, and a buffered read could fill the cache from blocks that a hole punch was freeing.
const invalidateLockInReads = 515

// readsExclude says whether reads that fill the cache keep truncation and hole punching out.
func (m *Mapping) readsExclude() bool {
	return m.Release >= invalidateLockInReads && !m.Mutants.Has(mutant.AddWithoutInvalidateLock)
}

// updatePage brings a cached folio up to date; false asks the caller to look it up again (filemap_update_page).
func (m *Mapping) updatePage(t *sched.Task, f *Folio) (bool, errno.Errno) {
	unlock := func() {}
	if m.readsExclude() {
		m.InvalidateLock.RLock(t)
		unlock = func() { m.InvalidateLock.RUnlock(t) }
	}
	if !f.TryLock(t) {
		unlock()
		f.WaitUnlocked(t)
		return false, errno.OK
	}
	defer unlock()
	if f.mapping != m {
		f.Unlock(t)
		return false, errno.OK
	}
	if f.uptodate {
		f.Unlock(t)
		return true, errno.OK
	}
	return true, m.readFolio(t, f)
}

// readFolio reads a locked folio and waits (filemap_read_folio). The folio is unlocked when it returns.
func (m *Mapping) readFolio(t *sched.Task, f *Folio) errno.Errno {
	m.Host.ReadFolio(t, f)
	f.WaitUnlocked(t)
	if !f.Uptodate(t) {
		return errno.EIO
	}
	return errno.OK
}

// FilemapFault returns the locked, uptodate folio for a page fault (filemap_fault). EFAULT stands for SIGBUS.
func (m *Mapping) FilemapFault(t *sched.Task, i Index) (*Folio, errno.Errno) {
	for {
		t.Step("filemap_fault", 0)
		if i.Pos() >= m.Host.ISize(t) {
			return nil, errno.EFAULT
		}
		if f, err := m.faultOnce(t, i); f != nil || err != errno.OK {
			return f, err
		}
	}
}

// faultOnce is one turn of filemap_fault; nil and OK ask for another. A folio that is not uptodate, or absent, needs
// invalidate_lock before its lock, so that it is not read while its blocks are freed.
func (m *Mapping) faultOnce(t *sched.Task, i Index) (*Folio, errno.Errno) {
	f := m.Find(t, i)
	if f != nil && f.Uptodate(t) {
		return m.lockForFault(t, f, i)
	}
	if !m.Mutants.Has(mutant.AddWithoutInvalidateLock) {
		m.InvalidateLock.RLock(t)
		defer m.InvalidateLock.RUnlock(t)
	}
	f, err := m.GetFolioLocked(t, i)
	if err != errno.OK {
		return nil, err
	}
	if f.uptodate {
		f.Unlock(t)
		return nil, errno.OK
	}
	if i.Pos() >= m.Host.ISize(t) {
		f.Unlock(t)
		return nil, errno.EFAULT
	}
	if m.readFolio(t, f) != errno.OK {
		return nil, errno.EFAULT
	}
	return nil, errno.OK
}

func (m *Mapping) lockForFault(t *sched.Task, f *Folio, i Index) (*Folio, errno.Errno) {
	f.Lock(t)
	if f.mapping != m || !f.uptodate {
		f.Unlock(t)
		return nil, errno.OK
	}
	if i.Pos() >= m.Host.ISize(t) && !m.Mutants.Has(mutant.FaultNoISizeRecheck) {
		f.Unlock(t)
		return nil, errno.EFAULT
	}
	return f, errno.OK
}
