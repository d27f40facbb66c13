package fs

import (
	"slices"
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// onInode runs a program on a fresh gfs2 inode under several schedules.
func onInode(t *testing.T, main func(*sched.Task, *gfs2, *iomap.Inode)) {
	t.Helper()
	s := sched.New()
	defer s.Close()
	strategy := sched.NewRandom(1)
	for range 30 {
		r := s.Run(sched.Options{Strategy: strategy, MaxSteps: 10000}, func(s *sched.Sched) {
			sb := &iomap.Super{Sched: s, Disk: block.New(s, 1<<24), BlockSize: 4096, Release: 612}
			sb.Init()
			g := newGfs2(Options{})
			ino := iomap.NewInode(sb, g, "f")
			s.Go("main", func(t *sched.Task) { main(t, g, ino) })
		})
		if r.Outcome != sched.Done {
			t.Fatal(r)
		}
	}
}

func must(ok bool, what string) {
	if !ok {
		panic(what)
	}
}

func TestGlockModesExcludeAsInMayGrant(t *testing.T) {
	modes := []lockMode{shared, deferred, exclusive}
	for _, held := range modes {
		for _, wanted := range modes {
			together := held == wanted && held != exclusive
			onInode(t, func(t *sched.Task, g *gfs2, ino *iomap.Inode) {
				gl := g.glock(ino)
				gl.acquire(t, held)
				other := t.Go("other", func(t *sched.Task) {
					gl.acquire(t, wanted)
					gl.release(t)
				})
				_, blocked := t.AwaitBlocked(other)
				must(blocked != together, "wrong exclusion")
				gl.release(t)
				t.Join(other)
			})
		}
	}
}

func TestGlockGrantsInOrder(t *testing.T) {
	onInode(t, func(t *sched.Task, g *gfs2, ino *iomap.Inode) {
		gl := g.glock(ino)
		var order []string
		gl.acquire(t, shared)
		ask := func(name string, mode lockMode) *sched.Task {
			o := t.Go(name, func(t *sched.Task) {
				gl.acquire(t, mode)
				order = append(order, name)
				gl.release(t)
			})
			_, blocked := t.AwaitBlocked(o)
			must(blocked, name+" was not queued")
			return o
		}
		a, b := ask("exclusive", exclusive), ask("shared", shared)
		gl.release(t)
		t.Join(a)
		t.Join(b)
		must(slices.Equal(order, []string{"exclusive", "shared"}), "a reader overtook a waiting writer")
	})
}

// The cache leaves for direct I/O only if the glock's state was shared: an exclusive one grants deferred holders as it is.
func TestCacheLeavesWhenASharedGlockBecomesDeferred(t *testing.T) {
	for first, left := range map[lockMode]int{shared: 0, exclusive: 1} {
		onInode(t, func(t *sched.Task, g *gfs2, ino *iomap.Inode) {
			gl := g.glock(ino)
			ino.SetISize(t, mm.PageSize)
			gl.acquire(t, first)
			ino.Mapping.Read(t, make([]byte, mm.PageSize), 0, false)
			gl.release(t)
			gl.acquire(t, deferred)
			must(ino.Mapping.NrPages(t) == left, "wrong cache")
			gl.release(t)
		})
	}
}
