package iomap

// DAXLayouts is the fifth seed's question: what a truncate of a DAX file gives up while it waits for I/O that has pages of the
// file pinned.
type DAXLayouts uint8

// How the wait goes.
const (
	DAXByRelease  DAXLayouts = iota
	DAXDropsAll              // as first posted: both locks are dropped, and whoever comes meanwhile pins again
	DAXDropsMmap             // as merged: i_rwsem is kept, invalidate_lock dropped; faults, and so new pins, still come meanwhile
	DAXKeepsLocks            // both are kept: no new pins, but whoever holds one and faults for the next never ends
	DAXAdmits                // as merged, but a task that has no page pinned waits at its next fault: both ends are met
)
