package campaign

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
)

// The arguments of the five threads, each side on the case that shows what it costs. That a helper
// which looks at the folio being written misses the folio of the old end of file, and that admitting faults by what the task in question
// has pinned for the call it is in deadlocks who pinned by an earlier call, was found here.
func TestTheSidesOfEveryArgumentCostWhatTheirCasesShow(t *testing.T) {
	for _, c := range []struct {
		side, unit string
		want       judge.Verdict
	}{
		{"release-refuses", "regress/release-folio~pressure@btrfs/nodatasum", judge.OK},
		{"release-sleeps", "regress/release-folio~pressure@btrfs/nodatasum", judge.Hang},
		{"release-allows", "regress/release-folio~overwritten@btrfs/nodatasum", judge.OK},
		{"reads-leave-cache", "regress/direct-read-keeps-cache@xfs", judge.OK},
		{"reads-invalidate", "regress/direct-read-keeps-cache@xfs", judge.Fail},
		{"failure-falls-back", "regress/store-beside-direct-write@xfs", judge.OK},
		{"failure-leaves-stale", "fallback/redirty-during-writeback@xfs", judge.Fail},
		{"failure-leaves-stale", "regress/store-beside-direct-write@xfs", judge.Fail},
		{"failure-not-uptodate", "fallback/redirty-during-writeback@xfs", judge.OK},
		{"failure-not-uptodate", "regress/store-beside-direct-write@xfs", judge.Fail},
		{"failure-eremchg", "fallback/redirty-during-writeback@xfs", judge.OK},
		{"writeback-error-returned", "regress/error-or-fallback@xfs", judge.Fail},
		{"writeback-error-falls-back", "regress/error-or-fallback@xfs", judge.OK},
		{"own-retries", "progress/self-mapped-buffer~write@btrfs/nodatasum", judge.Hang},
		{"own-fails", "progress/self-mapped-buffer~write@btrfs/nodatasum", judge.Fail},
		{"own-falls-back", "progress/self-mapped-buffer~write@btrfs/nodatasum", judge.OK},
		{"two-state-deadline", "regress/two-state-lock~starved@bcachefs", judge.Drift},
		{"two-state-deadline", "regress/two-state-lock~twice@bcachefs", judge.Hang},
		{"hook-under-lock", "foliolock/hook-before-unlock@gfs2", judge.OK},
		{"hook-unlocked", "foliolock/hook-before-unlock@gfs2", judge.Fail},
		{"hook-unlocked", "foliolock/hook-before-unlock~reclaim@gfs2", judge.Fail},
		{"straddle-helper", "coherence/store-behind-old-eof@ext4/1k", judge.Fail},
		{"zero-skips", "coherence/bytes-behind-eof~write@xfs", judge.Fail},
		{"zero-flushes", "coherence/bytes-behind-eof~write@xfs", judge.OK},
		{"zero-batch", "coherence/bytes-behind-eof~write@xfs", judge.OK},
		{"dax-drops-all", "progress/dax-truncate~new-io@xfs/dax", judge.Fail},
		{"dax-drops-all", "progress/dax-truncate~fault@ext4/dax", judge.OK},
		{"dax-drops-mmap", "progress/dax-truncate~new-io@xfs/dax", judge.OK},
		{"dax-drops-mmap", "progress/dax-truncate~overlapping@xfs/dax", judge.OK},
		{"dax-keeps-locks", "progress/dax-truncate~new-io@xfs/dax", judge.OK},
		{"dax-keeps-locks", "progress/dax-truncate~fault@xfs/dax", judge.Hang},
		{"dax-keeps-locks", "progress/dax-truncate~overlapping@xfs/dax", judge.Hang},
		{"dax-admits", "progress/dax-truncate~new-io@xfs/dax", judge.OK},
		{"dax-admits", "progress/dax-truncate~overlapping@xfs/dax", judge.Hang},
	} {
		u, err := ParseName(cases.Catalogue(), c.unit)
		if err != nil {
			t.Fatal(err)
		}
		release := DefaultRelease
		if c.side == "release-sleeps" {
			release = "5.10" // it met what fsync did then
		}
		r := Runner{Target: model.New(model.Config{Release: release}), Budget: 20, Mutants: []string{c.side}}
		if v := r.Run(t.Context(), u, nil); v.Verdict != c.want {
			t.Errorf("%s on %s: %s: %s, want %s", c.side, c.unit, v.Verdict, v.Text, c.want)
		}
	}
}
