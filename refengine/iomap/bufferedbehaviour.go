package iomap

import "github.com/iomapcheck/iomapcheck/refengine/mutant"

// PutFolioHook says when the filesystem's hook at the end of a buffered write's folio runs: the second seed's question.
type PutFolioHook uint8

// When the hook runs.
const (
	HookByRelease   PutFolioHook = iota
	HookUnderLock                // since 6.3: with the folio locked, which it unlocks
	HookAfterUnlock              // before 6.3: on an unlocked folio, and after pagecache_isize_extended
)

// ExtendedSize says how the cache is prepared for the bytes that a write behind the end of the file makes visible.
type ExtendedSize uint8

// Who looks at the folio of the old end of file.
const (
	IsizeExtended  ExtendedSize = iota // pagecache_isize_extended, after the folio is unlocked
	StraddleHelper                     // as proposed: folio_may_straddle_isize, on the locked folio being written
)

// DirtyUnwritten says what zeroing does about unwritten blocks with dirty folios over them.
type DirtyUnwritten uint8

// What iomap_zero_range does.
const (
	ZeroByRelease DirtyUnwritten = iota
	ZeroSkips                    // before 6.12: unwritten reads as zeros, the folio is not looked at
	ZeroFlushes                  // written back once, so that the blocks are written ones, and mapped again
	ZeroBatch                    // the dirty folios are zeroed where they are
)

// hookUnderLock says whether Hooks.PutFolio runs, rather than PageDone.
func (sb *Super) hookUnderLock() bool {
	switch sb.Behaviour.PutFolio {
	case HookUnderLock:
		return true
	case HookAfterUnlock:
		return false
	}
	return sb.Release >= putFolioLocked && !sb.Mutants.Has(mutant.HookAfterUnlock)
}

func (sb *Super) dirtyUnwritten() DirtyUnwritten {
	switch {
	case sb.Behaviour.DirtyUnwritten != ZeroByRelease:
		return sb.Behaviour.DirtyUnwritten
	case sb.Release < zeroFlushes || sb.Mutants.Has(mutant.ZeroIgnoresDirty):
		return ZeroSkips
	case sb.Release < zeroBatch:
		return ZeroFlushes
	}
	return ZeroBatch
}
