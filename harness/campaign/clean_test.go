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

// reach collects what executions met: which locks were acquired inside which, and the kinds of scheduling points.
type reach struct {
	mu    sync.Mutex
	edges map[sched.Edge]bool
	kinds sched.Kinds
}

func (r *reach) add(report sched.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kinds |= report.Kinds
	for _, e := range report.Edges {
		r.edges[e] = true
	}
}

// executions are fewer than the suite makes of each case on the plain file systems: here it is their number that counts.
const executions = 60

// The unmutated engine passes every case on every file system, and as a kernel of other releases on the plain ones; whatever locks nest
// meanwhile nest as documented, and every lock and every kind of scheduling point is met.
func TestTheCatalogueIsCleanOnEveryFileSystemAndReleaseOfTheEngine(t *testing.T) {
	if testing.Short() {
		t.Skip("the whole catalogue takes a while")
	}
	met := &reach{edges: map[sched.Edge]bool{}}
	t.Run("each", func(t *testing.T) {
		for release, specs := range map[string][]fsys.Spec{
			"5.10": fsys.Defaults(), "6.1": fsys.Defaults(), DefaultRelease: fsys.All(), "7.2": fsys.Defaults(),
		} {
			for _, spec := range specs {
				t.Run(release+" "+spec.String(), func(t *testing.T) {
					t.Parallel()
					isClean(t, &Runner{Budget: executions, Target: model.New(model.Config{Release: release, Explored: func(report sched.Report) {
						met.add(report)
						nestsInOrder(t, report.Edges, release)
					}})}, spec)
				})
			}
		}
	})
	for _, class := range refengine.LockOrder()[1:] {
		if !taken(met.edges, class) {
			t.Errorf("%s is never acquired inside another lock: the catalogue reaches too little", class)
		}
	}
	for _, kind := range sched.AllKinds() {
		// Time passes in nothing but the deadline of a side of an argument: see the sides' test.
		if !met.kinds.Has(kind) && kind != sched.OpSleep {
			t.Errorf("no execution has a point of the kind %s: the catalogue reaches too little", kind)
		}
	}
}

// nestsInOrder looks at today's kernels: what older ones had wrong, rows say.
func nestsInOrder(t *testing.T, edges []sched.Edge, release string) {
	for _, e := range edges {
		if release == DefaultRelease && !refengine.InLockOrder(e) {
			t.Errorf("%s is acquired while %s is held", e.Acquired, e.Held)
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
