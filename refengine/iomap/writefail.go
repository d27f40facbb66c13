package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// writeFailed drops what a write that brought nothing has left in the cache behind the end of the file (iomap_write_failed).
func (ino *Inode) writeFailed(t *sched.Task, pos, n int64) {
	if size := ino.ReadISize(t); pos+n > size {
		ino.Mapping.TruncatePagecacheRange(t, max(pos, size), pos+n)
	}
}

// EndDelalloc is the ->iomap_end of filesystems that reserve space for buffered writes: what the write has reserved and not filled is
// given up (xfs_buffered_write_iomap_end). Reservations under dirty folios stay: stores through a mapping have used them
// meanwhile. invalidate_lock keeps such stores from coming in while it looks. The caller holds IRwsem exclusively.
func (ino *Inode) EndDelalloc(t *sched.Task, im Iomap, written int64) {
	bs := ino.Sb.BlockSize
	start, end := roundUp(im.Off+written, bs), roundUp(im.End(), bs)
	if written == 0 {
		start = roundDown(im.Off, bs)
	}
	if im.Type != Delalloc || !im.New || start >= end {
		return
	}
	if ino.Sb.Release < failureKeepsCache || ino.Sb.Mutants.Has(mutant.WriteFailureTruncatesCache) {
		ino.Mapping.TruncatePagecacheRange(t, start, end)
		ino.punchDelalloc(t, start, end)
		return
	}
	ino.Mapping.InvalidateLock.Lock(t)
	defer ino.Mapping.InvalidateLock.Unlock(t)
	ino.releaseDelalloc(t, start, end)
}

// releaseDelalloc punches delalloc out of [start, end) where the cache is not dirty, and everywhere behind the end of the file
// (iomap_write_delalloc_release). The caller holds InvalidateLock exclusively.
func (ino *Inode) releaseDelalloc(t *sched.Task, start, end int64) {
	scanned := min(end, max(start, ino.ReadISize(t)))
	if !ino.Sb.Mutants.Has(mutant.PunchUnderDirty) {
		for pos := start; pos < scanned; {
			f := ino.Mapping.FindFrom(t, mm.IndexOf(pos), mm.IndexOf(scanned-1))
			if f == nil {
				break
			}
			ino.punchDelalloc(t, pos, min(f.Pos(), scanned))
			pos = ino.punchClean(t, f, max(pos, f.Pos()), min(f.End(), scanned))
			start = pos
		}
	}
	ino.punchDelalloc(t, start, end)
}

// punchClean punches the reservations under the blocks of [pos, end) of a folio that are not dirty, and returns end
// (iomap_write_delalloc_punch).
func (ino *Inode) punchClean(t *sched.Task, f *mm.Folio, pos, end int64) int64 {
	f.Lock(t)
	defer f.Unlock(t)
	if f.Mapping() != ino.Mapping {
		return pos // it is gone: look again
	}
	bs, st := ino.Sb.BlockSize, stateOf(f)
	for pos < end {
		next := min(end, roundDown(pos, bs)+bs)
		dirty := f.Dirty(t)
		if dirty && st != nil {
			first, _ := ino.blockRange(f, pos, next)
			dirty = st.dirty.has(first)
		}
		if !dirty {
			ino.punchDelalloc(t, pos, next)
		}
		pos = next
	}
	return end
}
