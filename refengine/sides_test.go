package refengine

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

func TestEverySideIsADecisionOfItsOwn(t *testing.T) {
	seen := map[iomap.Behaviour]string{{}: "nothing"}
	for _, s := range mutant.Sides() {
		b := takeSides(iomap.Behaviour{}, mutant.Of(s.ID))
		if other := seen[b]; other != "" {
			t.Errorf("%s decides as %s does", s.Name, other)
		}
		seen[b] = s.Name
	}
	for name, want := range map[string]iomap.Behaviour{
		"release-sleeps":             {ReleaseFolio: iomap.ReleaseSleeps},
		"hook-unlocked":              {PutFolio: iomap.HookAfterUnlock},
		"straddle-helper":            {ExtendedSize: iomap.StraddleHelper},
		"zero-batch":                 {DirtyUnwritten: iomap.ZeroBatch},
		"reads-invalidate":           {DirectReads: iomap.ReadsInvalidate},
		"failure-not-uptodate":       {InvalidateFailure: iomap.FailureNotUptodate},
		"writeback-error-falls-back": {WritebackFailure: iomap.WritebackErrorFallsBack},
		"own-falls-back":             {OwnMapping: iomap.OwnFallsBack},
		"two-state-deadline":         {TwoState: iomap.TwoStateDeadline},
		"dax-admits":                 {DAXLayouts: iomap.DAXAdmits},
	} {
		if set, err := mutant.Parse(name); err != nil || takeSides(iomap.Behaviour{}, set) != want {
			t.Errorf("%s: %+v, %v", name, takeSides(iomap.Behaviour{}, set), err)
		}
	}
}

// Since 6.12 zeroing the tail hides the fault that ended the data, so that the write counts bytes that zeroing the head of the block in
// which the faulting part begins may wipe: both requests are in flight.
func TestZeroingTheTailHidesAFaultSince612(t *testing.T) {
	wiped := false
	for release, hidden := range map[string]bool{"6.11": false, "6.12": true} {
		holds(t, Config{FS: "xfs", Release: release}, func(w *world, t *sched.Task) {
			f := w.create(t)
			f.Fallocate(t, fs.Allocate, 0, 3*page)
			b := mm.Guarded(t.Sched(), fill('n', int(2*page)), page)
			n, err := f.DirectWriteBuffer(t, b, 512, 0)
			if !hidden {
				w.check(n == 0 && err != 0, release+" returns "+err.String())
				return
			}
			w.check(n == page && err == 0, release+" returns "+err.String())
			p := make([]byte, page)
			f.DirectRead(t, p, 512, 0)
			wiped = wiped || w.is(p[page-512:], 0)
			w.check(w.is(p[:page-512], 'n'), "the write: "+brief(p))
		})
	}
	if !wiped {
		t.Error("every byte that was counted stayed, in every execution")
	}
}
