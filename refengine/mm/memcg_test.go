package mm

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// charged makes the file's folios those of a new cgroup.
func charged(t *sched.Task, h *memFile) *Memcg {
	h.m.Memcg = NewMemcg(t.Sched(), nil)
	return h.m.Memcg
}

func TestReclaimTakesWhatIsCleanUnlockedAndUnused(t *testing.T) {
	for name, use := range map[string]func(*sched.Task, *memFile, *Folio){
		"dirty":     func(t *sched.Task, _ *memFile, f *Folio) { f.MarkDirty(t) },
		"locked":    func(t *sched.Task, _ *memFile, f *Folio) { f.TryLock(t) },
		"writeback": func(t *sched.Task, _ *memFile, f *Folio) { f.StartWriteback(t) },
		"in use":    func(t *sched.Task, _ *memFile, f *Folio) { f.Get(t) },
		"refused":   func(_ *sched.Task, h *memFile, f *Folio) { h.refuse = f.Index },
		"pinned": func(t *sched.Task, h *memFile, f *Folio) {
			v := h.m.Mmap(t, NewSpace(t.Sched(), "main"))
			_, n := Mapped(v, f.Pos(), PageSize).Pin(t, 0, PageSize, false, false)
			must(n == PageSize, "pin")
		},
		"mlocked": func(t *sched.Task, h *memFile, f *Folio) {
			v := h.m.Mmap(t, NewSpace(t.Sched(), "main"))
			must(v.Mlock(t, f.Pos(), PageSize) == errno.OK, "mlock")
		},
	} {
		inMemory(t, func(t *sched.Task, h *memFile) {
			c := charged(t, h)
			readAll(t, h)
			f := h.m.Find(t, 1)
			use(t, h, f)
			must(c.Reclaim(t, 4) == 3, name+": count")
			must(h.m.NrPages(t) == 1 && h.m.Find(t, 1) == f && c.Usage(t) == 1, name+": wrong folios left")
		})
	}
}

func TestReclaimUnmapsAndTheNextLoadFaults(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		c := charged(t, h)
		v := h.m.Mmap(t, NewSpace(t.Sched(), "main"))
		p := make([]byte, 1)
		v.Load(t, p, 0)
		must(c.Reclaim(t, 1) == 1 && h.m.NrPages(t) == 0, "the mapped folio stayed")
		h.disk[0] = 'n'
		v.Load(t, p, 0)
		must(p[0] == 'n', "the page table still had it")
	})
}

func TestInvalidationTakesPinnedAndMlockedFolios(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		v := h.m.Mmap(t, NewSpace(t.Sched(), "main"))
		v.Mlock(t, 0, PageSize)
		pins, _ := Mapped(v, 0, PageSize).Pin(t, 0, PageSize, false, false)
		must(h.m.InvalidateMappingPages(t, 0, EOF) == 0, "best effort")
		must(h.m.InvalidateInodePages2Range(t, 0, EOF) == errno.OK && h.m.NrPages(t) == 0, "invalidate_inode_pages2")
		pins.Unpin(t)
	})
}

func TestChargeAboveMaxReclaimsFirst(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		c := charged(t, h)
		c.SetMax(t, 2)
		p := make([]byte, PageSize)
		for pos := int64(0); pos < h.size; pos += PageSize {
			n, err := h.m.Read(t, p, pos, false)
			must(n == PageSize && err == errno.OK && p[0] == 'o', "read")
			must(c.Usage(t) <= 2, "above the limit")
		}
		must(c.Events().Max > 0 && c.Events().Steal == 2, "events")
	})
}

func TestChargeThatReclaimCannotHelpKillsTheTask(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		c := charged(t, h)
		readAll(t, h)
		h.m.Find(t, 0).Get(t)
		h.m.InvalidateInodePages2Range(t, PageSize, EOF)
		c.SetMax(t, 1)
		_, err := h.m.Read(t, make([]byte, 1), PageSize, false)
		must(err == errno.ENOMEM && c.Killed(t) && c.Events().OOM == 1, "not killed")
		v := h.m.Mmap(t, NewSpace(t.Sched(), "main"))
		_, err = v.Load(t, make([]byte, 1), PageSize)
		must(err == errno.ENOMEM, "fault")
	})
}

func TestUsageAboveHighIsReclaimedOnTheWayOut(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		c := charged(t, h)
		c.SetHigh(t, 1)
		readAll(t, h)
		must(c.Usage(t) == 4, "reclaimed too early")
		c.HandleOverHigh(t)
		must(c.Usage(t) == 1 && c.Events().High == 1, "not reclaimed")
	})
}

func TestDirtierWaitsUntilItsPagesAreWritten(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		c := charged(t, h)
		c.DirtyLimit = 1
		readAll(t, h)
		f := h.m.Find(t, 0)
		f.MarkDirty(t)
		must(c.BalanceDirty(t, true) == errno.OK, "below the limit")
		h.m.Find(t, 1).MarkDirty(t)
		must(c.BalanceDirty(t, true) == errno.EAGAIN, "nowait")
		c.BalanceDirty(t, false)
		must(!f.Dirty(t) && f.Writeback(t), "nothing was written")
		h.endWriteback(t)
		must(c.BalanceDirty(t, true) == errno.OK, "after the writeback")
	})
}

// Every folio is some schedule's victim, at whatever moment: the reader sees the right bytes in every one.
func TestKswapdMayTakeAnyFolioAtAnyMoment(t *testing.T) {
	victims := map[Index]bool{}
	rep := sched.Explore(t.Context(), sched.Options{Strategy: sched.NewDFS(), Budget: 200000}, func(s *sched.Sched) {
		h := &memFile{disk: make([]byte, 2*PageSize), size: 2 * PageSize, refuse: -1}
		h.m = NewMapping(s, h, nil)
		s.Go("main", func(t *sched.Task) {
			c := charged(t, h)
			readAll(t, h)
			stop := false
			k := t.Go("kswapd", func(t *sched.Task) { c.Kswapd(t, 1, &stop) })
			p := make([]byte, 2*PageSize)
			n, err := h.m.Read(t, p, 0, false)
			must(n == 2*PageSize && err == errno.OK, "read")
			t.Step("look", 0)
			for i := range Index(2) {
				if h.m.Find(t, i) == nil {
					victims[i] = true
				}
			}
			c.StopKswapd(t, &stop)
			t.Join(k)
		})
	}, nil)
	if !rep.Complete || !victims[0] || !victims[1] {
		t.Errorf("%v, victims %v", rep, victims)
	}
}

// What the mutants of reclaim do to a program: the folio goes although it must not.
func TestReclaimMutantsTakeWhatTheyMustNot(t *testing.T) {
	for id, use := range map[mutant.ID]func(*sched.Task, *memFile, *VMA){
		mutant.ReclaimTakesDirty:  func(t *sched.Task, h *memFile, _ *VMA) { h.m.Find(t, 0).MarkDirty(t) },
		mutant.ReclaimTakesLocked: func(t *sched.Task, h *memFile, _ *VMA) { h.m.Find(t, 0).Lock(t) },
		mutant.ReclaimIgnoresPins: func(t *sched.Task, _ *memFile, v *VMA) { Mapped(v, 0, 1).Pin(t, 0, 1, false, false) },
	} {
		for _, set := range []mutant.Set{mutant.Of(id), {}} {
			inMemory(t, func(t *sched.Task, h *memFile) {
				c := charged(t, h)
				h.m.Mutants = set
				readAll(t, h)
				use(t, h, h.m.Mmap(t, NewSpace(t.Sched(), "main")))
				f := h.m.Find(t, 0)
				c.Reclaim(t, 4)
				must((f.Mapping() == nil) == set.Has(id), "the first folio")
				if f.Locked(t) {
					f.Unlock(t)
				}
			})
		}
	}
}

func TestAdviceReadsAndEvictsWholePages(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		must(h.m.WillNeed(t, PageSize, 3*PageSize) == errno.OK && h.m.Resident(t, 0, EOF) == 2, "readahead")
		must(h.m.WillNeed(t, 0, EOF) == errno.OK && h.m.Resident(t, 0, EOF) == 4, "the rest")
		must(h.m.DontNeed(t, 10, 2*PageSize+10) == 1 && h.m.Resident(t, PageSize, PageSize+1) == 0, "evict")
	})
}
