package mm

import (
	"bytes"
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// memFile is a Host whose disk is a byte slice and whose I/O is instantaneous, but for writeback that the test ends.
type memFile struct {
	disk    []byte
	size    int64
	m       *Mapping
	refuse  Index    // ReleaseFolio refuses this folio, -1 for none
	writing []*Folio // folios whose writeback the test has to end
}

func (h *memFile) Name() string            { return "f" }
func (h *memFile) ISize(*sched.Task) int64 { return h.size }

func (h *memFile) ReadFolio(t *sched.Task, f *Folio) {
	copy(f.Data, h.disk[f.Pos():])
	f.HandToIO()
	f.EndRead(t, true)
}

func (h *memFile) Readahead(t *sched.Task, folios []*Folio) {
	for _, f := range folios {
		h.ReadFolio(t, f)
	}
}

func (h *memFile) Writepages(t *sched.Task, pos, end int64) errno.Errno {
	for f := h.m.FindFrom(t, IndexOf(pos), IndexOf(end-1)); f != nil; f = h.m.FindFrom(t, f.Next(), IndexOf(end-1)) {
		f.Lock(t)
		if f.ClearDirtyForIO(t) {
			f.StartWriteback(t)
			copy(h.disk[f.Pos():], f.Data)
			h.writing = append(h.writing, f)
		}
		f.Unlock(t)
	}
	return errno.OK
}

func (h *memFile) endWriteback(t *sched.Task) {
	for _, f := range h.writing {
		f.EndWriteback(t)
	}
	h.writing = nil
}

func (h *memFile) ReleaseFolio(_ *sched.Task, f *Folio) bool { return f.Index != h.refuse }

func (h *memFile) Fault(t *sched.Task, m *Mapping, i Index) (*Folio, errno.Errno) {
	return m.FilemapFault(t, i)
}

func (h *memFile) InvalidateFolio(*sched.Task, *Folio, int64, int64) {}

func (h *memFile) DirtyFolio(t *sched.Task, f *Folio) { f.MarkDirty(t) }

func (h *memFile) DAXFault(t *sched.Task, i Index, _ bool, insert func([]byte, sched.ObjID)) errno.Errno {
	h.m.InvalidateLock.RLock(t)
	defer h.m.InvalidateLock.RUnlock(t)
	insert(h.disk[i.Pos():][:PageSize], 0)
	return errno.OK
}

func (h *memFile) PageMkwrite(t *sched.Task, f *Folio) errno.Errno {
	f.Lock(t)
	if f.Mapping() != h.m {
		f.Unlock(t)
		return errno.EAGAIN
	}
	f.MarkDirty(t)
	return errno.OK
}

// inMemory runs a program on a file of four pages 'o', under several schedules.
func inMemory(t *testing.T, main func(*sched.Task, *memFile)) {
	t.Helper()
	s := sched.New()
	defer s.Close()
	strategy := sched.NewRandom(1)
	for range 20 {
		r := s.Run(sched.Options{Strategy: strategy, MaxSteps: 10000}, func(s *sched.Sched) {
			h := &memFile{disk: bytes.Repeat([]byte{'o'}, 4*PageSize), size: 4 * PageSize, refuse: -1}
			h.m = NewMapping(s, h, nil)
			s.Go("main", func(t *sched.Task) { main(t, h) })
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

func readAll(t *sched.Task, h *memFile) []byte {
	p := make([]byte, h.size)
	n, err := h.m.Read(t, p, 0, false)
	must(n == h.size && err == errno.OK, "read")
	return p
}

func TestInvalidationContinuesAfterAFolioThatStays(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		readAll(t, h)
		h.m.Find(t, 1).MarkDirty(t)
		h.refuse = 2
		err := h.m.InvalidateInodePages2Range(t, 0, h.size)
		must(err == errno.EBUSY, "result "+err.String())
		must(h.m.Find(t, 0) == nil && h.m.Find(t, 1) != nil && h.m.Find(t, 2) != nil && h.m.Find(t, 3) == nil, "wrong folios left")
	})
}

func TestInvalidationRoundsOutwardToWholeFolios(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		h.m.FolioOrder = 1
		readAll(t, h)
		must(h.m.InvalidateInodePages2Range(t, 100, 200) == errno.OK, "result")
		must(h.m.Find(t, 1) == nil && h.m.Find(t, 2) != nil && h.m.NrPages(t) == 2, "wrong folios left")
	})
}

func TestInvalidationWaitsForWriteback(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		readAll(t, h)
		h.m.Find(t, 0).MarkDirty(t)
		h.Writepages(t, 0, PageSize)
		inv := t.Go("invalidator", func(t *sched.Task) {
			must(h.m.InvalidateInodePages2Range(t, 0, h.size) == errno.OK, "result")
		})
		_, blocked := t.AwaitBlocked(inv)
		must(blocked, "not blocked")
		h.endWriteback(t)
		t.Join(inv)
		must(h.m.NrPages(t) == 0, "folios left")
	})
}

func TestInvalidationUnmaps(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		v := h.m.Mmap(t, NewSpace(t.Sched(), "main"))
		p := make([]byte, 1)
		v.Load(t, p, 0)
		must(h.m.Find(t, 0).Mapped(t), "not mapped")
		must(h.m.InvalidateInodePages2Range(t, 0, h.size) == errno.OK, "result")
		h.disk[0] = 'n'
		v.Load(t, p, 0)
		must(p[0] == 'n', "the load did not fault")
	})
}

func TestBestEffortInvalidationSkipsWhatIsInUse(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		readAll(t, h)
		h.m.Find(t, 0).MarkDirty(t)
		h.m.Find(t, 1).Lock(t)
		v := h.m.Mmap(t, NewSpace(t.Sched(), "main"))
		v.Load(t, make([]byte, 1), 2*PageSize)
		must(h.m.InvalidateMappingPages(t, 0, EOF) == 1, "count")
		must(h.m.NrPages(t) == 3 && h.m.Find(t, 3) == nil, "wrong folios left")
		h.m.Find(t, 1).Unlock(t)
	})
}

func TestStoreFaultsAgainAfterItsFolioWasTakenForWriteback(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		v := h.m.Mmap(t, NewSpace(t.Sched(), "main"))
		v.Store(t, []byte{'a'}, 0)
		must(h.m.Find(t, 0).Dirty(t), "not dirty")
		h.Writepages(t, 0, PageSize)
		must(!h.m.Find(t, 0).Dirty(t), "still dirty")
		v.Store(t, []byte{'b'}, 1)
		must(h.m.Find(t, 0).Dirty(t), "a store after writeback began left no trace")
		h.endWriteback(t)
	})
}

func TestAccessBehindTheEndOfTheFileIsABusError(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		h.size = PageSize + 10
		v := h.m.Mmap(t, NewSpace(t.Sched(), "main"))
		n, err := v.Load(t, make([]byte, 2*PageSize), PageSize)
		must(n == PageSize && err == errno.EFAULT, "load over the end")
	})
}

func TestTruncationZeroesThePartialFolioAndRemovesTheRest(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		readAll(t, h)
		h.size = PageSize + 100
		h.m.TruncatePagecache(t, h.size)
		f := h.m.Find(t, 1)
		must(h.m.NrPages(t) == 2 && f.Data[99] == 'o' && f.Data[100] == 0 && f.Data[PageSize-1] == 0, "cache")
	})
}

func TestPunchedRangeLosesWholeFoliosAndZeroesParts(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		readAll(t, h)
		h.m.TruncatePagecacheRange(t, 100, 2*PageSize+100)
		must(h.m.Find(t, 1) == nil && h.m.NrPages(t) == 3, "folios")
		a, b := h.m.Find(t, 0), h.m.Find(t, 2)
		must(a.Data[99] == 'o' && a.Data[100] == 0 && b.Data[99] == 0 && b.Data[100] == 'o', "edges")
	})
}

func TestReadStopsAtTheEndOfTheFile(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		h.size = PageSize + 100
		p := make([]byte, 4*PageSize)
		n, err := h.m.Read(t, p, 0, false)
		must(n == h.size && err == errno.OK, "count")
		n, err = h.m.Read(t, p, h.size, false)
		must(n == 0 && err == errno.OK, "at the end")
	})
}

func TestNowaitReadNeverFillsTheCache(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		_, err := h.m.Read(t, make([]byte, 1), 0, true)
		must(err == errno.EAGAIN && h.m.NrPages(t) == 0, "empty cache")
		readAll(t, h)
		n, _ := h.m.Read(t, make([]byte, 1), 0, true)
		must(n == 1, "cached")
	})
}

func TestFailedPostInvalidationIsSaidOnceByFsyncAndInTheLog(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		said := 0
		h.m.trace = func(e trace.Event) {
			if e.Name == trace.Printk {
				said++
			}
		}
		since := h.m.SampleWbErr(t)
		readAll(t, h)
		h.m.PostDirectWrite(t, 0, PageSize)
		must(h.m.CheckAndAdvanceWbErr(t, &since) == errno.OK && said == 0, "without a failure")
		readAll(t, h)
		h.m.Find(t, 0).MarkDirty(t)
		h.m.PostDirectWrite(t, 0, PageSize)
		must(h.m.CheckAndAdvanceWbErr(t, &since) == errno.EIO && said == 1, "first sync")
		must(h.m.CheckAndAdvanceWbErr(t, &since) == errno.OK, "second sync")
	})
}

func TestWritebackErrorIsReportedOnceToEveryOpenFile(t *testing.T) {
	var e ErrSeq
	a, b := e.sample(), e.sample()
	if e.check(&a) != errno.OK {
		t.Error("error before there is one")
	}
	e.set(errno.EIO)
	late := e.sample() // opened before anybody saw it
	for name, since := range map[string]*int{"a": &a, "b": &b, "late": &late} {
		if e.check(since) != errno.EIO || e.check(since) != errno.OK {
			t.Errorf("%s: not exactly once", name)
		}
	}
	if after := e.sample(); e.check(&after) != errno.OK {
		t.Error("a file opened after everybody saw it reports it")
	}
}

// Between finding a folio and locking it the folio may leave the cache: whoever locks it must look again. Every schedule.
func TestLockedFolioIsStillCached(t *testing.T) {
	for name, get := range map[string]func(*sched.Task, *memFile) *Folio{
		"GetFolioLocked": func(t *sched.Task, h *memFile) *Folio {
			f, _ := h.m.GetFolioLocked(t, 0)
			return f
		},
		"LockFolio": func(t *sched.Task, h *memFile) *Folio { return h.m.LockFolio(t, 0) },
		"FilemapFault": func(t *sched.Task, h *memFile) *Folio {
			f, _ := h.m.FilemapFault(t, 0)
			return f
		},
	} {
		rep := sched.Explore(t.Context(), sched.Options{Strategy: sched.NewDFS(), Budget: 100000}, func(s *sched.Sched) {
			h := &memFile{disk: make([]byte, PageSize), size: PageSize, refuse: -1}
			h.m = NewMapping(s, h, nil)
			s.Go("main", func(t *sched.Task) {
				readAll(t, h)
				other := t.Go("invalidator", func(t *sched.Task) { h.m.InvalidateInodePages2Range(t, 0, PageSize) })
				if f := get(t, h); f != nil {
					must(f.Mapping() == h.m, name+" returned a folio that is not cached")
					f.Unlock(t)
				}
				t.Join(other)
			})
		}, func(r *sched.Result) bool {
			if r.Outcome != sched.Done {
				t.Errorf("%s: %v", name, r)
			}
			return r.Outcome == sched.Done
		})
		if !rep.Complete {
			t.Errorf("%s: %v", name, rep)
		}
	}
}
