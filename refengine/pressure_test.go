package refengine

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// Whatever reclaim takes, and whenever: the bytes stay right on every filesystem.
func TestEveryWayToReadAgreesAtQuiescenceUnderReclaim(t *testing.T) {
	t.Parallel()
	for _, name := range fs.General() {
		for _, m := range []Memory{{Cgroup: true}, {High: 2 * page}, {DirtyLimit: page}} {
			for _, size := range []int64{4096, 1024} {
				kinds := append(dataKinds(), "truncate", "punch")
				if size != 4096 {
					kinds = dataKinds()
				}
				c := Config{FS: name, BlockSize: size, Memory: m}
				_, runs := exploreToys(t, c, 25, kinds, func(s uint64) sched.Strategy { return sched.NewRandom(s) }, 10)
				t.Logf("%s %+v: %d executions", name, m, runs)
			}
		}
	}
}

// The programs above see reclaim that takes what it must not.
func TestRandomProgramsUnderReclaimCatchItsMutants(t *testing.T) {
	t.Parallel()
	for _, id := range []mutant.ID{mutant.ReclaimTakesDirty, mutant.ReclaimTakesLocked, mutant.ReclaimNoUnmap} {
		c := Config{FS: "xfs", Memory: Memory{Cgroup: true}, Mutants: mutant.Of(id)}
		wrong, runs := exploreToys(t, c, 60, dataKinds(), func(s uint64) sched.Strategy { return sched.NewRandom(s) }, 30)
		t.Logf("%v: %d programs wrong after %d executions", mutant.Of(id), wrong, runs)
		if wrong == 0 {
			t.Errorf("%v: not caught in %d executions", mutant.Of(id), runs)
		}
	}
}

// What does not fit is reclaimed while it is used: nobody is killed, and the bytes are right.
func TestProgramLargerThanItsCgroupRunsAndIsThrottled(t *testing.T) {
	for _, name := range []string{"xfs", "ext4", "btrfs", "gfs2"} {
		c := Config{FS: name, Memory: Memory{Max: 6 * page, DirtyLimit: 2 * page}}
		steals := 0
		r, wrong, token := situation(t, c, sched.NewRandom(1), 60, func(w *world, t *sched.Task) {
			f, _ := w.m.Create(t, "f")
			writer := t.Go("writer", func(t *sched.Task) {
				for off := int64(0); off < k64; off += 2 * page {
					n, err := f.Write(t, w.pattern('n')[:2*page], off, 0)
					w.check(n == 2*page && err == errno.OK, "write")
				}
			})
			f.Load(t, make([]byte, page), 0) // before the first write: SIGBUS
			t.Join(writer)
			w.check(f.Fsync(t) == errno.OK, "fsync")
			p := w.view()
			n, err := f.Load(t, p, 0)
			w.check(n == k64 && err == errno.OK && w.is(p, 'n'), "load")
			w.check(w.m.MemoryEvents().OOM == 0, "a task was killed")
			steals += w.m.MemoryEvents().Steal
		})
		if r != nil || steals == 0 {
			t.Errorf("%s: %v %q, %d pages reclaimed\n%s", name, r, wrong, steals, token)
		}
	}
}

func TestTaskThatCannotGetMemoryIsKilledAndTheOthersGoOn(t *testing.T) {
	c := Config{FS: "xfs", Memory: Memory{Max: page}}
	r, wrong, token := situation(t, c, sched.NewRandom(1), 20, func(w *world, t *sched.Task) {
		f := w.pagesOnDisk(t, "f", 2)
		w.byteLoads(t, f, 0, 'o', "load")
		_, got := f.Pin(t, 0, page, false)
		w.check(got == page, "pin")
		victim := t.Go("victim", func(t *sched.Task) {
			_, err := f.Read(t, make([]byte, 1), page, 0)
			w.check(err == errno.ENOMEM && w.m.OOMKilled(t), "read beside a page that stays")
		})
		t.Join(victim)
		w.check(!w.m.OOMKilled(t) && w.m.MemoryEvents().OOM == 1, "the wrong task was killed")
		w.byteLoads(t, f, 0, 'o', "load afterwards")
	})
	if r != nil {
		t.Errorf("%v %q\n%s", r, wrong, token)
	}
}
