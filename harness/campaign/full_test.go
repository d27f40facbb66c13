package campaign

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
)

// A verdict whose evidence does not fit on the disk is told in one line that says so; it passes for no good one, and for no better one
// than it is.
func TestEvidenceOnAFullDiskIsOurFaultUnlessTheVerdictIsBadAnyway(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8k"); err != nil {
		t.Skipf("mounting a small file system is not allowed here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	units, err := Plan(cases.Catalogue(), Selection{Cases: []string{"coherence/post-write-invalidation"}, FS: []string{"xfs"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		mutants []string
		bad     bool
	}{{nil, false}, {[]string{"dio-skip-post-invalidate"}, true}} {
		r := Runner{Target: model.New(model.Config{Release: "6.12"}), Runs: dir, Budget: 3, Mutants: c.mutants}
		v := r.Run(t.Context(), units[0], func(string) {})
		said := v.Text + strings.Join(v.Notes, "")
		if v.Verdict.Bad() != c.bad || !c.bad && v.Verdict != judge.Infra || v.Evidence != "" || !strings.Contains(said, "disk full") || strings.Contains(said, "\n") {
			t.Errorf("mutants %v: %s, evidence %q, said %q", c.mutants, v.Verdict, v.Evidence, said)
		}
	}
}
