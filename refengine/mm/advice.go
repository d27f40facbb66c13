package mm

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// DontNeed has dirty folios written, without waiting, and removes what it can of the whole pages within [pos, end)
// (generic_fadvise with POSIX_FADV_DONTNEED). It returns how many folios it removed.
func (m *Mapping) DontNeed(t *sched.Task, pos, end int64) int {
	if end <= pos {
		return 0
	}
	m.FdatawriteRange(t, pos, end)
	if end < m.Host.ISize(t) {
		end &^= PageSize - 1
	}
	return m.InvalidateMappingPages(t, roundUp(pos, PageSize), end)
}

// WillNeed starts to read what is not cached of [pos, end) and does not wait for it (generic_fadvise with POSIX_FADV_WILLNEED).
func (m *Mapping) WillNeed(t *sched.Task, pos, end int64) errno.Errno {
	for i, last := IndexOf(pos), IndexOf(min(end, m.Host.ISize(t))-1); i <= last; {
		f := m.FindFrom(t, i, last)
		if f == nil {
			return m.readahead(t, i, last)
		}
		if f.Index > i {
			if err := m.readahead(t, i, f.Index-1); err != errno.OK {
				return err
			}
		}
		i = f.Next()
	}
	return errno.OK
}

// Resident returns how many pages of [pos, end) are cached (cachestat: nr_cache).
func (m *Mapping) Resident(t *sched.Task, pos, end int64) int {
	n := 0
	m.RangeHas(t, pos, end, func(f *Folio) bool {
		n += int(min(f.Next(), IndexOf(end-1)+1) - max(f.Index, IndexOf(pos)))
		return false
	})
	return n
}
