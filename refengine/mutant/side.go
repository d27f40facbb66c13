package mutant

import "slices"

// Side is one side of an argument that kernel developers had: a switch like a mutant's, but no bug. Some lost the argument, some were
// merged later, some are what the release that is modelled does anyway. No case has to catch one; cases show what each costs.
type Side struct {
	Mutant
	// Seed is the number of the discussion, from 1.
	Seed int
}

// The sides are numbered from 224. Each is a value of iomap.Behaviour.
const (
	ReleaseRefuses ID = 224 + iota
	ReleaseAllows
	ReleaseSleeps
	HookUnderLock
	HookUnlocked
	StraddleHelper
	ZeroSkips
	ZeroFlushes
	ZeroBatch
	ReadsLeaveCache
	ReadsInvalidate
	FailureFallsBack
	FailureLeavesStale
	FailureEremchg
	FailureNotUptodate
	WritebackErrorReturned
	WritebackErrorFallsBack
	OwnRetries
	OwnFails
	OwnFallsBack
	TwoStateDeadline
	DAXDropsAll
	DAXDropsMmap
	DAXKeepsLocks
	DAXAdmits
)

// Sides returns every side that can be taken, by discussion.
func Sides() []Side {
	return slices.Concat(releaseSides(), hookSides(), invalidationSides(), ownMappingSides(), layoutSides())
}

func side(seed int, id ID, name, change, stands string) Side {
	return Side{Mutant{id, name, change, stands}, seed}
}

// releaseSides: iomap: Return zero in case of unsuccessful pagecache invalidation before DIO (May 2020).
func releaseSides() []Side {
	return []Side{
		side(1, ReleaseRefuses, "release-refuses", "btrfs_release_folio keeps a folio while an ordered extent finishes with its range locked", "as up to 6.15"),
		side(1, ReleaseAllows, "release-allows", "btrfs_release_folio lets a folio go while an ordered extent finishes", "btrfs: allow folios to be released while ordered extent is finishing, since 6.16"),
		side(1, ReleaseSleeps, "release-sleeps", "btrfs_release_folio waits for the range to be unlocked", "what Matthew Wilcox asked for, and Goldwyn Rodrigues had tried"),
	}
}

// hookSides: the series around gfs2_iomap_page_done and what came of it (December 2022).
func hookSides() []Side {
	return []Side{
		side(2, HookUnderLock, "hook-under-lock", "the filesystem's hook unlocks the folio of a buffered write itself", "iomap/gfs2: Unlock and put folio in page_done handler, since 6.3"),
		side(2, HookUnlocked, "hook-unlocked", "the filesystem's hook runs when the folio of a buffered write is unlocked", "as up to 6.2"),
		side(2, StraddleHelper, "straddle-helper", "the folio being written prepares itself for the new size, under its lock", "folio_may_straddle_isize, as proposed"),
		side(2, ZeroSkips, "zero-skips", "zeroing takes unwritten blocks for zeros, whatever is cached over them", "as before 6.12"),
		side(2, ZeroFlushes, "zero-flushes", "zeroing writes dirty folios over unwritten blocks back, and maps again", "iomap: fix handling of dirty folios over unwritten extents, since 6.12"),
		side(2, ZeroBatch, "zero-batch", "zeroing zeroes dirty folios over unwritten blocks where they are", "iomap: optional zero range dirty folio processing, since 6.19"),
	}
}

// invalidationSides: RFC: iomap write invalidation (July 2020).
func invalidationSides() []Side {
	return []Side{
		side(3, ReadsLeaveCache, "reads-leave-cache", "a direct read writes the cache back and leaves it", "iomap: Only invalidate page cache pages on direct IO writes, since 5.9"),
		side(3, ReadsInvalidate, "reads-invalidate", "a direct read writes the cache back and throws it away", "as before 5.9"),
		side(3, FailureFallsBack, "failure-falls-back", "a failed invalidation is -ENOTBLK, and the write goes through the cache", "iomap: fall back to buffered writes for invalidation failures, since 5.9"),
		side(3, FailureLeavesStale, "failure-leaves-stale", "a failed invalidation is a line in the log, and the cache may be stale", "as before 5.9"),
		side(3, FailureEremchg, "failure-eremchg", "a failed invalidation is -EREMCHG", "the series as first posted, with the error that only xfs knew"),
		side(3, FailureNotUptodate, "failure-not-uptodate", "folios that cannot be invalidated are marked not uptodate, and the write is direct", "as proposed in reply"),
		side(3, WritebackErrorReturned, "writeback-error-returned", "a failed writeback before a direct write is the write's error", "as before 6.5"),
		side(3, WritebackErrorFallsBack, "writeback-error-falls-back", "a failed writeback before a direct write is taken for a failed invalidation", "iomap: use kiocb_write_and_wait and kiocb_invalidate_pages, since 6.5"),
	}
}

// ownMappingSides: direct I/O between a file and a mapping of it, and bcachefs' lock against it (May 2023).
func ownMappingSides() []Side {
	return []Side{
		side(4, OwnRetries, "own-retries", "a direct write from a mapping of its own range faults in and tries again, for ever", "the livelock that Jan Kara describes"),
		side(4, OwnFails, "own-fails", "a direct write from a mapping of its own range is -EFAULT", "\"it should rather return error\""),
		side(4, OwnFallsBack, "own-falls-back", "a direct write from a mapping of its own range goes through the cache once it makes no progress", "\"or fall back to buffered IO\": btrfs since 5.16, gfs2 since 6.4 (gfs2: Don't get stuck writing page onto itself under direct I/O)"),
		side(4, TwoStateDeadline, "two-state-deadline", "a waiter of bcachefs' two-state lock that was overtaken often enough keeps the other state out", "\"introducing some kind of deadline for a waiter\""),
	}
}

// layoutSides: xfs_break_dax_layouts (March 2018).
func layoutSides() []Side {
	return []Side{
		side(5, DAXDropsAll, "dax-drops-all", "truncate drops both its locks while it waits for pinned pages", "the series as posted"),
		side(5, DAXDropsMmap, "dax-drops-mmap", "truncate keeps i_rwsem while it waits for pinned pages", "as merged"),
		side(5, DAXKeepsLocks, "dax-keeps-locks", "truncate keeps both its locks while it waits for pinned pages", "what stops every new pin, and whoever faults for the next one"),
		side(5, DAXAdmits, "dax-admits", "truncate keeps i_rwsem, and who has no page pinned waits at its next fault", "both ends met"),
	}
}
