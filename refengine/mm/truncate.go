package mm

import (
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// EOF is an end for ranges that go to the end of the file and beyond.
const EOF = int64(1) << 62

// TruncatePagecache removes the cache beyond a new size, which the caller has set (truncate_pagecache). It unmaps twice: the
// second time for private pages that were faulted in while the folios went.
func (m *Mapping) TruncatePagecache(t *sched.Task, size int64) {
	hole := roundUp(size, PageSize)
	m.UnmapMappingRange(t, hole, EOF)
	m.TruncateInodePagesRange(t, size, EOF)
	m.UnmapMappingRange(t, hole, EOF)
}

// TruncatePagecacheRange removes the cache of a hole being punched: whole folios, the parts of others zeroed
// (truncate_pagecache_range).
func (m *Mapping) TruncatePagecacheRange(t *sched.Task, pos, end int64) {
	if first, last := roundUp(pos, PageSize), end&^(PageSize-1); first < last {
		m.UnmapMappingRange(t, first, last)
	}
	m.TruncateInodePagesRange(t, pos, end)
}

// TruncateInodePagesRange removes the folios wholly within [pos, end) and zeroes the parts of those at its ends
// (truncate_inode_pages_range). The first pass takes what is free, so that it waits only for what it must; further passes wait until
// nothing is left, which ends because whoever adds folios is kept out by invalidate_lock or sees the new size.
func (m *Mapping) TruncateInodePagesRange(t *sched.Task, pos, end int64) {
	if end <= pos {
		return
	}
	if m.DAX {
		m.daxTruncate(t, pos, end)
		return
	}
	last := IndexOf(end - 1)
	for f := m.FindFrom(t, IndexOf(pos), last); f != nil; f = m.FindFrom(t, f.Next(), last) {
		if within(f, pos, end) && f.TryLock(t) {
			if !f.Writeback(t) || m.Mutants.Has(mutant.TruncateNoWaitWriteback) {
				m.truncateFolio(t, f)
			}
			f.Unlock(t)
		}
	}
	m.truncatePartial(t, IndexOf(pos), pos, end)
	if last != IndexOf(pos) && end != EOF {
		m.truncatePartial(t, last, pos, end)
	}
	if m.Mutants.Has(mutant.TruncateSkipsLocked) {
		return
	}
	for f := m.firstWithin(t, pos, end); f != nil; f = m.firstWithin(t, pos, end) {
		f.Lock(t)
		if f.mapping == m {
			f.WaitWriteback(t)
			m.truncateFolio(t, f)
		}
		f.Unlock(t)
	}
}

func within(f *Folio, pos, end int64) bool { return f.Pos() >= pos && f.End() <= end }

func (m *Mapping) firstWithin(t *sched.Task, pos, end int64) *Folio {
	last := IndexOf(end - 1)
	for f := m.FindFrom(t, IndexOf(pos), last); f != nil; f = m.FindFrom(t, f.Next(), last) {
		if within(f, pos, end) {
			return f
		}
	}
	return nil
}

// truncateFolio drops a locked folio with its dirty data (truncate_cleanup_folio, filemap_remove_folio).
func (m *Mapping) truncateFolio(t *sched.Task, f *Folio) {
	if f.mapping != m {
		return
	}
	if f.Mapped(t) {
		f.zap(t)
	}
	m.Host.InvalidateFolio(t, f, 0, f.Size())
	m.remove(t, f)
}

// truncatePartial zeroes the part of a folio that lies within [pos, end), if only a part does
// (truncate_inode_partial_folio). It does not make the folio dirty: the filesystem has zeroed the block by its own means.
func (m *Mapping) truncatePartial(t *sched.Task, i Index, pos, end int64) {
	f := m.LockFolio(t, i)
	if f == nil {
		return
	}
	defer f.Unlock(t)
	if within(f, pos, end) {
		return
	}
	f.WaitWriteback(t)
	from, to := max(pos, f.Pos()), min(end, f.End())
	if from < to && !m.Mutants.Has(mutant.TruncateKeepsTail) {
		t.Writes(f.obj)
		m.Host.InvalidateFolio(t, f, from-f.Pos(), to-f.Pos())
		clear(f.Data[from-f.Pos() : to-f.Pos()])
	}
}

// IsizeExtended prepares the folio of the old end of file for the bytes behind it becoming visible
// (pagecache_isize_extended): it is write-protected, so that the next store calls page_mkwrite again, and, if zero is set (kernels since
// 6.13), its bytes from the old size on are zeroed. blockSize is the filesystem's.
func (m *Mapping) IsizeExtended(t *sched.Task, from, to, blockSize int64, zero bool) {
	if from >= to || from%PageSize == 0 || (!zero && blockSize >= PageSize) {
		return
	}
	f := m.LockFolio(t, IndexOf(from))
	if f == nil {
		return
	}
	defer f.Unlock(t)
	if f.MkClean(t) {
		f.MarkDirty(t)
	}
	if zero && f.Dirty(t) {
		t.Writes(f.obj)
		clear(f.Data[from-f.Pos() : min(to, f.End())-f.Pos()])
	}
}

// Evict removes everything, dirty or not, and forgets the mappings: the file is leaving memory
// (truncate_inode_pages_final). The caller sees to it that nobody uses a mapping any more.
func (m *Mapping) Evict(t *sched.Task) {
	m.UnmapMappingRange(t, 0, EOF)
	m.TruncateInodePagesRange(t, 0, EOF)
	t.Writes(m.mmapObj)
	m.vmas = nil
}

func roundUp(pos, to int64) int64 { return (pos + to - 1) / to * to }
