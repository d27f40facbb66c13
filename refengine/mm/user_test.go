package mm

import (
	"bytes"
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

func TestGuardedBufferIsCopiedUpToItsGuard(t *testing.T) {
	inMemory(t, func(t *sched.Task, _ *memFile) {
		mem := bytes.Repeat([]byte{'a'}, 3*PageSize)
		b := Guarded(t.Sched(), mem, PageSize)
		p := make([]byte, 2*PageSize)
		must(b.CopyFrom(t, 0, p, 0, false) == PageSize && p[PageSize-1] == 'a' && p[PageSize] == 0, "copy from")
		must(b.CopyTo(t, 10, p, 0, false) == PageSize-10, "copy to")
		must(b.Slice(PageSize-5, 10).FaultIn(t, 0, 10, true) == 5, "fault in of a part")
		must(b.FaultIn(t, PageSize, 1, false) == 0, "fault in behind the guard")
		_, n := b.Pin(t, 100, 2*PageSize, true, false)
		must(n == PageSize-100, "pin")
	})
}

func TestFaultingBufferIsPresentAfterItsFaultOnly(t *testing.T) {
	inMemory(t, func(t *sched.Task, _ *memFile) {
		faults := 0
		b := Faulting(t.Sched(), make([]byte, 2*PageSize), func(_ *sched.Task, off int64, _ bool) bool {
			faults++
			return true
		})
		p := make([]byte, 2*PageSize)
		must(b.CopyFrom(t, 0, p, 0, true) == 0 && faults == 0, "nofault")
		must(b.FaultIn(t, 0, 1, false) == 1 && b.CopyFrom(t, 0, p, 0, true) == PageSize, "one page")
		must(b.CopyFrom(t, 0, p, 0, false) == 2*PageSize && faults == 2, "both")
		b.Evict(t, 0, PageSize)
		must(b.Slice(PageSize, 8).CopyTo(t, 0, p[:8], 0, true) == 8 && b.CopyTo(t, 0, p, 0, true) == 0, "after eviction")
	})
}

func TestMappedBufferStopsWhereItsPageIsAbsent(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		v := h.m.Mmap(t, NewSpace(t.Sched(), "main"))
		b := Mapped(v, 0, 4*PageSize)
		p := make([]byte, 4*PageSize)
		v.Load(t, p[:1], 0)
		v.Load(t, p[:1], PageSize)
		must(b.CopyFrom(t, 100, p[100:], 0, true) == 2*PageSize-100, "nofault")
		must(b.CopyTo(t, 0, p, 0, true) == 0, "a page that is present but not writable")
		must(b.CopyFrom(t, 0, p, 0, false) == 4*PageSize && p[4*PageSize-1] == 'o', "with faults")
		h.size = PageSize
		h.m.TruncatePagecache(t, PageSize)
		must(b.CopyFrom(t, 0, p, 0, false) == PageSize, "over the end of the file")
	})
}

func TestPinnedMemoryOutlivesTheCache(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		v := h.m.Mmap(t, NewSpace(t.Sched(), "main"))
		pins, n := Mapped(v, 10, PageSize).Pin(t, 0, PageSize, true, false)
		must(n == PageSize && len(pins.Segments()) == 2 && len(pins.Segments()[0]) == PageSize-10, "pin")
		f := h.m.Find(t, 0)
		h.Writepages(t, 0, EOF)
		h.endWriteback(t)
		must(!f.Dirty(t), "still dirty")
		pins.Segments()[0][0] = 'n'
		pins.Unpin(t)
		must(f.Dirty(t), "what a device wrote was lost")
	})
}

// A read into a buffer whose pages are evicted as soon as they were faulted in goes on, page by page.
func TestReadIntoAMappingSurvivesEviction(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		other := &memFile{disk: bytes.Repeat([]byte{'x'}, 2*PageSize), size: 2 * PageSize, refuse: -1}
		other.m = NewMapping(t.Sched(), other, nil)
		b := Mapped(other.m.Mmap(t, NewSpace(t.Sched(), "main")), 0, 2*PageSize)
		t.Go("evicter", func(t *sched.Task) {
			for range 3 {
				other.m.InvalidateInodePages2Range(t, 0, EOF)
			}
		})
		n, _ := h.m.ReadIter(t, b, 0, false, false)
		must(n == 2*PageSize, "count")
	})
}
