package campaign

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
)

// The arguments about gfs2's hook, about zeroing and about pinned DAX pages, each side on the case that shows what it costs. That a helper
// which looks at the folio being written misses the folio of the old end of file, and that admitting faults by what the task in question
// has pinned for the call it is in deadlocks who pinned by an earlier call, was found here.
func TestTheSidesOfSeeds2And5CostWhatTheirCasesShow(t *testing.T) {
	for _, c := range []struct {
		side, unit string
		want       judge.Verdict
	}{
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
		r := Runner{Target: model.New(model.Config{Release: "6.12"}), Budget: 20, Mutants: []string{c.side}}
		if v := r.Run(t.Context(), u, nil); v.Verdict != c.want {
			t.Errorf("%s on %s: %s: %s, want %s", c.side, c.unit, v.Verdict, v.Text, c.want)
		}
	}
}
