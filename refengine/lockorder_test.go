package refengine

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// Every nesting that random programs produce is as documented. That of the catalogue's programs is looked at where those are run.
func TestLocksNestAsDocumented(t *testing.T) {
	t.Parallel()
	kinds := append(dataKinds(), "truncate", "punch", "zero", "falloc")
	journalled := fs.Options{JournalData: true}
	for _, name := range fs.General() {
		edges, inversions := observedNesting(t, Config{FS: name}, kinds)
		if name == "ext4" {
			more, inverted := observedNesting(t, Config{FS: name, FSOptions: journalled}, kinds)
			edges, inversions = append(edges, more...), append(inversions, inverted...)
		}
		for _, e := range edges {
			if !InLockOrder(e) {
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

// A glock that is held over a page fault is out of order, whether or not the schedule deadlocks.
func TestANestingOutOfOrderIsNoticed(t *testing.T) {
	s := sched.New()
	defer s.Close()
	c := Config{FS: "gfs2", Mutants: mutant.Of(mutant.Gfs2HoldsGlockOverFault)}
	s.Run(sched.Options{Strategy: sched.NewRandom(1)}, func(s *sched.Sched) { start(t, s, c, ownMemory) })
	if e := (sched.Edge{Held: "glock", Acquired: "mmap_lock"}); !slices.Contains(s.LockEdges(), e) || InLockOrder(e) {
		t.Errorf("a fault under a glock is not seen, or taken to be in order: %v", s.LockEdges())
	}
	if InLockOrder(sched.Edge{Held: "i_rwsem", Acquired: "made up"}) || InLockOrder(sched.Edge{Held: "ilock", Acquired: "ilock"}) {
		t.Error("an unknown class, or a class within itself, is taken to be in order")
	}
}

func observedNesting(t *testing.T, c Config, kinds []string) ([]sched.Edge, []sched.Inversion) {
	t.Helper()
	s := sched.New()
	defer s.Close()
	strategy := sched.NewRandom(3)
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 3))
		p := randomToy(rng, 2, 2, toyUnit(c.FS), kinds)
		for range 5 {
			s.Run(sched.Options{Strategy: strategy}, func(s *sched.Sched) {
				start(t, s, c, func(w *world, t *sched.Task) { w.runToy(t, p) })
			})
		}
	}
	return s.LockEdges(), s.Inversions()
}
