package iomap

import (
	"math/rand/v2"
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// However extents are allocated, shared and released, every block is either free or counted for the files that have it.
func TestSharedBlocksAreFreedWithTheirLastFile(t *testing.T) {
	const blocks, bs = 64, 4096
	inTask(t, func(task *sched.Task) {
		sb := &Super{Sched: task.Sched(), Disk: block.New(task.Sched(), firstBlock+blocks*bs), BlockSize: bs}
		sb.Init()
		rng := rand.New(rand.NewPCG(3, 3))
		var files [blocks]int
		var held []Extent
		for range 2000 {
			held = spaceStep(task, sb, rng, held, &files, bs)
			checkSpace(t, task, sb, &files, bs)
		}
	})
}

// spaceStep allocates, shares a part of, or releases an extent, and keeps the model.
func spaceStep(t *sched.Task, sb *Super, rng *rand.Rand, held []Extent, files *[64]int, bs int64) []Extent {
	note := func(e Extent, d int) {
		for at := e.Addr; at < e.Addr+e.Len; at += bs {
			files[(at-firstBlock)/bs] += d
		}
	}
	switch i := rng.IntN(3); {
	case i == 0 || len(held) == 0:
		r, err := sb.alloc(t, bs*(1+rng.Int64N(8)))
		if err != errno.OK {
			return held
		}
		e := Extent{Len: r.Len(), Type: Mapped, Addr: r.Off}
		note(e, 1)
		return append(held, e)
	case i == 1:
		e := held[rng.IntN(len(held))]
		off := bs * rng.Int64N(e.Len/bs)
		part := e.clip(e.Off+off, e.End())
		sb.share(t, []Extent{part})
		note(part, 1)
		return append(held, part)
	}
	i := rng.IntN(len(held))
	sb.release(t, held[i:i+1])
	note(held[i], -1)
	return append(held[:i:i], held[i+1:]...)
}

func checkSpace(t *testing.T, task *sched.Task, sb *Super, files *[64]int, bs int64) {
	t.Helper()
	free := map[int64]bool{}
	for _, r := range sb.free {
		for at := r.Off; at < r.End; at += bs {
			free[at] = true
		}
	}
	for i, n := range files {
		addr := firstBlock + int64(i)*bs
		shared, _ := sb.sharing(task, addr, bs)
		if free[addr] != (n == 0) || shared != (n > 1) {
			t.Errorf("block %d: free %v, shared %v, and %d files have it", i, free[addr], shared, n)
		}
	}
}

// inTask runs a function in a task.
func inTask(t *testing.T, f func(*sched.Task)) {
	t.Helper()
	s := sched.New()
	defer s.Close()
	r := s.Run(sched.Options{Strategy: sched.NewRandom(1), MaxSteps: 1 << 16}, func(s *sched.Sched) { s.Go("test", f) })
	if r.Outcome != sched.Done {
		t.Error(r)
	}
}
