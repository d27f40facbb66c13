package refengine

import (
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
)

// takeSides is the behaviour with the sides of the set taken. Of two sides of one argument the later in mutant.Sides counts.
func takeSides(b iomap.Behaviour, set mutant.Set) iomap.Behaviour {
	take(&b.ReleaseFolio, set, mutant.ReleaseRefuses, iomap.ReleaseRefuses, iomap.ReleaseAllows, iomap.ReleaseSleeps)
	take(&b.PutFolio, set, mutant.HookUnderLock, iomap.HookUnderLock, iomap.HookAfterUnlock)
	take(&b.ExtendedSize, set, mutant.StraddleHelper, iomap.StraddleHelper)
	take(&b.DirtyUnwritten, set, mutant.ZeroSkips, iomap.ZeroSkips, iomap.ZeroFlushes, iomap.ZeroBatch)
	take(&b.DirectReads, set, mutant.ReadsLeaveCache, iomap.ReadsLeaveCache, iomap.ReadsInvalidate)
	take(&b.InvalidateFailure, set, mutant.FailureFallsBack,
		iomap.FailureFallsBack, iomap.FailureLeavesStale, iomap.FailureEremchg, iomap.FailureNotUptodate)
	take(&b.WritebackFailure, set, mutant.WritebackErrorReturned, iomap.WritebackErrorReturned, iomap.WritebackErrorFallsBack)
	take(&b.OwnMapping, set, mutant.OwnRetries, iomap.OwnRetries, iomap.OwnFails, iomap.OwnFallsBack)
	take(&b.TwoState, set, mutant.TwoStateDeadline, iomap.TwoStateDeadline)
	take(&b.DAXLayouts, set, mutant.DAXDropsAll, iomap.DAXDropsAll, iomap.DAXDropsMmap, iomap.DAXKeepsLocks, iomap.DAXAdmits)
	return b
}

// take sets one decision to the value whose side is in the set; the sides' IDs follow each other, from first on.
func take[T any](decision *T, set mutant.Set, first mutant.ID, values ...T) {
	for i, v := range values {
		if set.Has(first + mutant.ID(i)) {
			*decision = v
		}
	}
}
