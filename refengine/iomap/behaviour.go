package iomap

// Behaviour holds the decisions that kernel developers argued about, as switches: each side of the argument can be run. The zero
// value is what the release that is modelled does. The stories are in the package comment.
type Behaviour struct {
	// DirectReads says what a direct read does with the cache.
	DirectReads DirectReads
	// InvalidateFailure says what becomes of a direct write whose range cannot be invalidated.
	InvalidateFailure InvalidateFailure
	// WritebackFailure says what becomes of a direct write whose range cannot be written back beforehand.
	WritebackFailure WritebackFailure
	// ReleaseFolio says what btrfs does with a folio whose range is locked.
	ReleaseFolio ReleaseFolio
	// OwnMapping says what a direct write does whose buffer is the very range it writes.
	OwnMapping OwnMapping
	// DAXLayouts says what truncating a DAX file gives up while its pages are pinned.
	DAXLayouts DAXLayouts
	// TwoState says whether the waiters of bcachefs' two-state lock may be overtaken for ever.
	TwoState TwoState
	// PutFolio says when the filesystem's hook at the end of a buffered write's folio runs.
	PutFolio PutFolioHook
	// ExtendedSize says how the cache is prepared for what a write behind the end of the file makes visible.
	ExtendedSize ExtendedSize
	// DirtyUnwritten says what zeroing does about unwritten blocks with dirty folios over them.
	DirtyUnwritten DirtyUnwritten
}

// DirectReads is the first half of the write invalidation discussion (July 2020).
type DirectReads uint8

// What a direct read does.
const (
	ReadsByRelease  DirectReads = iota
	ReadsLeaveCache             // since 5.9: written back, and left where it is
	ReadsInvalidate             // before 5.9: written back and thrown away; a failure is logged
)

// InvalidateFailure is its second half.
type InvalidateFailure uint8

// What becomes of a direct write whose range stays cached.
const (
	FailureByRelease   InvalidateFailure = iota
	FailureFallsBack                     // since 5.9: ENOTBLK, the caller writes through the cache
	FailureLeavesStale                   // before 5.9: written directly, a line in the log, the cache may be stale
	FailureEremchg                       // as first posted: EREMCHG, which only xfs had known
	FailureNotUptodate                   // as proposed in reply: what stays is marked not uptodate, and written directly
)

// WritebackFailure asks which errors must not be turned into a fallback.
type WritebackFailure uint8

// What becomes of a direct write over a range that cannot be written back.
const (
	WritebackByRelease      WritebackFailure = iota
	WritebackErrorReturned                   // before 6.5: the application gets EIO or ENOSPC
	WritebackErrorFallsBack                  // since 6.5: taken for a failed invalidation
)

// ReleaseFolio is the first seed's question.
type ReleaseFolio uint8

// What btrfs_release_folio does while an ordered extent finishes with the folio's range locked.
const (
	ReleaseByRelease ReleaseFolio = iota
	ReleaseRefuses                // before 6.16: the folio stays, and a direct write falls back
	ReleaseAllows                 // since 6.16: what finishes an ordered extent does not need the folio
	ReleaseSleeps                 // as proposed: wait for the lock if the caller may sleep
)

// OwnMapping is what a direct write does whose buffer maps the range that it invalidates.
type OwnMapping uint8

// The outcomes for a request whose buffer is not present after it was faulted in.
const (
	OwnByRelease OwnMapping = iota
	OwnRetries              // fault in and try again, for ever: a livelock
	OwnFails                // EFAULT
	OwnFallsBack            // no progress since the last turn: through the cache
)

// TwoState is the fairness of a lock with two states that exclude each other.
type TwoState uint8

// How a waiter gets the lock.
const (
	TwoStateUnfair   TwoState = iota // as in bcachefs: whoever finds it free or in its state
	TwoStateDeadline                 // a waiter that was overtaken often enough keeps the other state out
)
