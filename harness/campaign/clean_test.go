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

// nesting collects which locks were acquired inside which.
type nesting struct {
	mu   sync.Mutex
	seen map[sched.Edge]bool
}

func (n *nesting) add(e sched.Edge) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen[e] = true
}

// The unmutated engine passes every case on every file system, and as a kernel of other releases on the plain ones; whatever locks nest
// meanwhile nest as documented.
func TestTheCatalogueIsCleanOnEveryFileSystemAndReleaseOfTheEngine(t *testing.T) {
	if testing.Short() {
		t.Skip("the whole catalogue takes a while")
	}
	nested := &nesting{seen: map[sched.Edge]bool{}}
	t.Run("each", func(t *testing.T) {
		for release, specs := range map[string][]fsys.Spec{
			"5.10": fsys.Defaults(), "6.1": fsys.Defaults(), DefaultRelease: fsys.All(), "7.2": fsys.Defaults(),
		} {
			for _, spec := range specs {
				t.Run(release+" "+spec.String(), func(t *testing.T) {
					t.Parallel()
					isClean(t, &Runner{Target: model.New(model.Config{Release: release, Nested: func(e sched.Edge) {
						if release == DefaultRelease && !refengine.InLockOrder(e) {
							t.Errorf("%s is acquired while %s is held", e.Acquired, e.Held)
						}
						nested.add(e)
					}})}, spec)
				})
			}
		}
	})
	seen := nested.seen
	for _, class := range refengine.LockOrder()[1:] {
		if !taken(seen, class) {
			t.Errorf("%s is never acquired inside another lock: the catalogue reaches too little", class)
		}
	}
}

func isClean(t *testing.T, r *Runner, spec fsys.Spec) {
	units, err := Plan(cases.Catalogue(), Selection{FS: []string{spec.String()}})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range units {
		if v := r.Run(t.Context(), u, nil); v.Verdict != judge.OK && v.Verdict != judge.Known && v.Verdict != judge.Unsupported {
			t.Errorf("%s: %s %s\n%s", u.Name(), v.Verdict, v.Text, v.Replay)
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
