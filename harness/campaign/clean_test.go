package campaign

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
)

func TestTheCatalogueIsCleanOnEveryFileSystemOfTheEngine(t *testing.T) {
	if testing.Short() {
		t.Skip("the whole catalogue takes a while")
	}
	r := &Runner{Target: model.New(model.Config{Release: "6.12"})}
	for _, spec := range fsys.All() {
		t.Run(spec.String(), func(t *testing.T) {
			t.Parallel()
			units, err := Plan(cases.Catalogue(), Selection{FS: []string{spec.String()}})
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range units {
				if v := r.Run(t.Context(), u, nil); v.Verdict != judge.OK && v.Verdict != judge.Unsupported {
					t.Errorf("%s: %s %s\n%s", u.Name(), v.Verdict, v.Text, v.Replay)
				}
			}
		})
	}
}
