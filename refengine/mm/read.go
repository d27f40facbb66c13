package mm

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// Read copies from the page cache, filling it where it lacks (filemap_read). With nowait it returns EAGAIN
// where it would have to wait. It returns the bytes copied; the error only if there are none.
func (m *Mapping) Read(t *sched.Task, p []byte, pos int64, nowait bool) (int64, errno.Errno) {
	done := int64(0)
	for done < int64(len(p)) {
		f, err := m.getPage(t, pos+done, pos+int64(len(p)), nowait)
		if f == nil {
			if done > 0 {
				err = errno.OK
			}
			return done, err
		}
		// i_size is read after the folio is known to be uptodate, so that nobody sees bytes of a racing truncate (filemap_read).
		n := min(f.End(), m.Host.ISize(), pos+int64(len(p))) - (pos + done)
		if n <= 0 {
			break
		}
		t.Step("copy_folio_to_iter", f.lock.Obj())
		off := pos + done - f.Pos()
		copy(p[done:done+n], f.Data[off:off+n])
		done += n
	}
	return done, errno.OK
}

// getPage returns the uptodate folio that holds pos, nil at the end of the file or with an error (filemap_get_pages).
func (m *Mapping) getPage(t *sched.Task, pos, end int64, nowait bool) (*Folio, errno.Errno) {
	for {
		t.Step("filemap_get_pages", m.obj)
		if pos >= m.Host.ISize() {
			return nil, errno.OK
		}
		f := m.Find(IndexOf(pos))
		if f == nil {
			if nowait {
				return nil, errno.EAGAIN
			}
			m.readahead(t, IndexOf(pos), IndexOf(end-1))
			continue
		}
		if f.uptodate {
			return f, errno.OK
		}
		if nowait {
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
// (page_cache_ra_unbounded). invalidate_lock keeps truncate and hole punching from freeing the blocks meanwhile.
func (m *Mapping) readahead(t *sched.Task, i, last Index) {
	m.InvalidateLock.RLock(t)
	defer m.InvalidateLock.RUnlock(t)
	if size := m.Host.ISize(); size > 0 {
		last = min(last, IndexOf(size-1))
	} else {
		return
	}
	var folios []*Folio
	for i <= last {
		f := m.add(t, i)
		if f == nil {
			break
		}
		folios = append(folios, f)
		i = f.Next()
	}
	if len(folios) > 0 {
		m.Host.Readahead(t, folios)
	}
}

// updatePage brings a cached folio up to date; false asks the caller to look it up again (filemap_update_page).
func (m *Mapping) updatePage(t *sched.Task, f *Folio) (bool, errno.Errno) {
	m.InvalidateLock.RLock(t)
	if !f.TryLock(t) {
		m.InvalidateLock.RUnlock(t)
		f.WaitUnlocked(t)
		return false, errno.OK
	}
	defer m.InvalidateLock.RUnlock(t)
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
	if !f.uptodate {
		return errno.EIO
	}
	return errno.OK
}

// FilemapFault returns the locked, uptodate folio for a page fault (filemap_fault). EFAULT stands for SIGBUS.
func (m *Mapping) FilemapFault(t *sched.Task, i Index) (*Folio, errno.Errno) {
	for {
		t.Step("filemap_fault", m.obj)
		if i.Pos() >= m.Host.ISize() {
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
	f := m.Find(i)
	if f != nil && f.uptodate {
		return m.lockForFault(t, f, i)
	}
	m.InvalidateLock.RLock(t)
	defer m.InvalidateLock.RUnlock(t)
	f = m.GetFolioLocked(t, i)
	if f.uptodate {
		f.Unlock(t)
		return nil, errno.OK
	}
	if i.Pos() >= m.Host.ISize() {
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
	if i.Pos() >= m.Host.ISize() {
		f.Unlock(t)
		return nil, errno.EFAULT
	}
	return f, errno.OK
}
