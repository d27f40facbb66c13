package refengine

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// documentedOrder lists the lock classes from the outermost to the innermost, as the package comments of mm and iomap do.
func documentedOrder() []string {
	return []string{"i_rwsem", "mmap_lock", "glock", "pagecache lock", "invalidate_lock", "folio lock", "ilock"}
}

func TestLocksNestAsDocumented(t *testing.T) {
	order := documentedOrder()
	kinds := append(dataKinds(), "truncate", "punch", "zero", "falloc")
	for _, name := range fs.General() {
		edges, inversions := observedNesting(t, name, kinds)
		for _, e := range edges {
			held, took := slices.Index(order, e.Held), slices.Index(order, e.Acquired)
			if held < 0 || took < 0 || held >= took {
				t.Errorf("%s: %s is acquired while %s is held", name, e.Acquired, e.Held)
			}
		}
		if !slices.Contains(edges, sched.Edge{Held: "folio lock", Acquired: "ilock"}) {
			t.Errorf("%s: ilock is never acquired under a folio lock: the programs reach too little", name)
		}
		for _, i := range inversions {
			t.Errorf("%s: %v", name, i)
		}
	}
}

func observedNesting(t *testing.T, name string, kinds []string) ([]sched.Edge, []sched.Inversion) {
	t.Helper()
	s := sched.New()
	defer s.Close()
	strategy := sched.NewRandom(3)
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 3))
		p := randomToy(rng, 2, 2, toyUnit(name), kinds)
		for range 5 {
			s.Run(sched.Options{Strategy: strategy}, func(s *sched.Sched) {
				start(t, s, Config{FS: name}, func(w *world, t *sched.Task) { w.runToy(t, p) })
			})
		}
	}
	return s.LockEdges(), s.Inversions()
}
