package campaign

import (
	"sync"
	"testing"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
	"github.com/iomapcheck/iomapcheck/refengine"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// The unmutated engine passes every case on every file system, and whatever locks nest meanwhile nest as documented.
func TestTheCatalogueIsCleanOnEveryFileSystemOfTheEngine(t *testing.T) {
	if testing.Short() {
		t.Skip("the whole catalogue takes a while")
	}
	var mu sync.Mutex
	seen := map[sched.Edge]bool{}
	t.Run("each", func(t *testing.T) {
		for _, spec := range fsys.All() {
			t.Run(spec.String(), func(t *testing.T) {
				t.Parallel()
				r := &Runner{Target: model.New(model.Config{Release: "6.12", Nested: func(e sched.Edge) {
					if !refengine.InLockOrder(e) {
						t.Errorf("%s is acquired while %s is held", e.Acquired, e.Held)
					}
					mu.Lock()
					defer mu.Unlock()
					seen[e] = true
				}})}
				units, err := Plan(cases.Catalogue(), Selection{FS: []string{spec.String()}})
				if err != nil {
					t.Fatal(err)
				}
				for _, u := range units {
					if v := r.Run(t.Context(), u, nil); v.Verdict != judge.OK && v.Verdict != judge.Known && v.Verdict != judge.Unsupported {
						t.Errorf("%s: %s %s\n%s", u.Name(), v.Verdict, v.Text, v.Replay)
					}
				}
			})
		}
	})
	for _, class := range refengine.LockOrder()[1:] {
		if !taken(seen, class) {
			t.Errorf("%s is never acquired inside another lock: the catalogue reaches too little", class)
		}
	}
}

func taken(edges map[sched.Edge]bool, class string) bool {
	for e := range edges {
		if e.Acquired == class {
			return true
		}
	}
	return false
}
