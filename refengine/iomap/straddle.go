package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// ExtendCache prepares the cache for a size that grew from old to size (pagecache_isize_extended). It locks the folio of the old end of
// file, so the caller must hold no folio's lock.
func (ino *Inode) ExtendCache(t *sched.Task, old, size int64) {
	if old >= size || ino.Sb.Mutants.Has(mutant.IsizeExtendedSkipped) || ino.Sb.Behaviour.ExtendedSize == StraddleHelper {
		return
	}
	ino.Emit(t, trace.Event{Name: trace.PagecacheIsizeExtended, Pos: old, End: size})
	ino.Mapping.IsizeExtended(t, old, size, ino.Sb.BlockSize, ino.Sb.Release >= isizeZeroing)
}

// mayStraddle is what a write of n bytes at pos does, with its folio still locked, under the proposal that was to replace
// pagecache_isize_extended.
func (ino *Inode) mayStraddle(t *sched.Task, f *mm.Folio, old, pos, n int64) {
	if ino.Sb.Behaviour.ExtendedSize == StraddleHelper && pos+n > old && FolioMayStraddleIsize(old, pos, ino.Sb.BlockSize) {
		if f.MkClean(t) {
			f.MarkDirty(t)
		}
	}
}

// FolioMayStraddleIsize is the condition of the helper folio_may_straddle_isize, proposed in December 2022 and never merged: whether a
// write that begins at start behind the old end of file leaves a whole block between the two, so that the folio being written
// must be write-protected. blockSize is in bytes.
func FolioMayStraddleIsize(oldSize, start, blockSize int64) bool {
	return roundUp(oldSize, blockSize) < roundDown(start, blockSize)
}

// NeedsPageMkwrite says whether the folio [pos, end) must be write-protected when the size grows from oldSize to start and
// beyond: it holds the old end of file, and behind it a whole block that the write does not fill and that page_mkwrite, which allocates
// only up to the size, has not been asked for.
func NeedsPageMkwrite(oldSize, start, blockSize, pos, end int64) bool {
	if oldSize <= pos || oldSize >= end {
		return false
	}
	return roundUp(oldSize, blockSize) < min(roundDown(start, blockSize), end)
}
