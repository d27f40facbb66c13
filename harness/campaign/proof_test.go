package campaign

import (
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
)

// The least number of cases that must be proved as they are, at the default budget, on one file system.
const leastProved = 15

func TestManyCasesAreProvedAtTheirDefaultSize(t *testing.T) {
	if testing.Short() {
		t.Skip("the catalogue on one file system takes a while")
	}
	units, err := Plan(cases.Catalogue(), Selection{FS: []string{"xfs"}, Quick: true})
	if err != nil {
		t.Fatal(err)
	}
	r := &Runner{Target: model.New(model.Config{Release: "6.12"})}
	proved := map[string]bool{}
	for _, u := range units {
		v := r.Run(t.Context(), u, nil)
		if v.Proved == 0 || v.Verdict != judge.OK {
			continue
		}
		proved[u.Case.ID] = true
		if !strings.Contains(v.Line(), "proved") {
			t.Errorf("the line does not say so: %s", v.Line())
		}
		t.Logf("%s: %d schedules", u.CaseName(), v.Proved)
	}
	if len(proved) < leastProved {
		t.Errorf("%d cases were proved, want at least %d", len(proved), leastProved)
	}
}
