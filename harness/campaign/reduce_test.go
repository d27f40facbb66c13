package campaign

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
)

func TestAFailingProgramIsReducedAndStillFailsByTheSameRule(t *testing.T) {
	u, err := ParseName(cases.Catalogue(), "coherence/post-write-invalidation~mapped@xfs")
	if err != nil {
		t.Fatal(err)
	}
	r := &Runner{Target: model.New(model.Config{Release: "6.12"}), Mutants: []string{"dio-skip-post-invalidate"}, Runs: t.TempDir(), Shrink: true}
	v := r.Run(t.Context(), u, nil)
	if v.Verdict != judge.Fail {
		t.Fatalf("nothing to reduce: %s %s", v.Verdict, v.Text)
	}
	text, err := os.ReadFile(filepath.Join(v.Evidence, reducedFile))
	if err != nil {
		t.Fatal(err)
	}
	p, err := prog.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", text)
	if before := prog.Size(u.Variant.Program.Ops); prog.Size(p.Ops) >= before {
		t.Errorf("%d operations of %d are left", prog.Size(p.Ops), before)
	}
	if again := r.RunProgram(t.Context(), u, p, nil); again.Verdict != v.Verdict || again.Rule != v.Rule {
		t.Errorf("reduced: %s %s, want %s %s", again.Verdict, again.Rule, v.Verdict, v.Rule)
	}
	for n := range prog.Size(p.Ops) {
		q := p.Without(n)
		if q.Check() != nil {
			continue
		}
		if less := r.RunProgram(t.Context(), u, q, nil); less.Verdict == v.Verdict && less.Rule == v.Rule {
			t.Errorf("operation %d is not needed", n)
		}
	}
}
