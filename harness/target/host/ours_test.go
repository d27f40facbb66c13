package host

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/kmsg"
	"github.com/iomapcheck/iomapcheck/harness/oops"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
)

// The kernel's warning excuses an EIO of fsync: one about somebody else's file must not.
func TestAStalePageCacheIsOursOnlyOfAFileOfTheProgram(t *testing.T) {
	r := &run{job: target.Job{Program: prog.New(prog.Write("f", 0, 4*prog.KiB, 'o'))}}
	for file, want := range map[string]bool{"/f": true, "mnt/scratch/f": true, "/srv/images/disk.raw": false, "": false} {
		found := []kmsg.Finding{{Finding: oops.Finding{Kind: oops.StalePageCache, File: file}}}
		if got := len(r.oursOf(found)) == 1; got != want {
			t.Errorf("%q: ours %t, want %t", file, got, want)
		}
	}
}
