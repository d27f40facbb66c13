package mm

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

func TestDAXMappingIsTheStorage(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		h.m.DAX = true
		v := h.m.Mmap(t, NewSpace(t.Sched(), "main"))
		v.Store(t, []byte{'n'}, PageSize)
		must(h.disk[PageSize] == 'n' && h.m.NrPages(t) == 0, "the store did not reach the storage")
		h.disk[0] = 'm'
		p := make([]byte, 1)
		v.Load(t, p, 0)
		must(p[0] == 'm', "load")
	})
}

func TestLayoutBreakFindsPinnedPagesAndUnmapsTheRest(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		h.m.DAX = true
		b := Mapped(h.m.Mmap(t, NewSpace(t.Sched(), "main")), 0, 2*PageSize)
		pins, n := b.Pin(t, 0, PageSize, false, false)
		must(n == PageSize, "pin")
		b.FaultIn(t, PageSize, PageSize, false)
		h.m.InvalidateLock.Lock(t)
		f := h.m.DAXLayoutBusyPage(t, 0, EOF)
		must(f != nil && f.Index == 0, "busy page")
		must(b.CopyFrom(t, PageSize, make([]byte, 1), 0, true) == 0, "still mapped")
		waiter := t.Go("waiter", func(t *sched.Task) { h.m.WaitDAXPageIdle(t, f) })
		_, blocked := t.AwaitBlocked(waiter)
		must(blocked, "did not wait for the pin")
		pins.Unpin(t)
		t.Join(waiter)
		must(h.m.DAXLayoutBusyPage(t, 0, EOF) == nil, "still busy")
		h.m.InvalidateLock.Unlock(t)
	})
}

func TestRefusedPinsWaitUnlessTheTaskHoldsSome(t *testing.T) {
	inMemory(t, func(t *sched.Task, h *memFile) {
		h.m.DAX = true
		b := Mapped(h.m.Mmap(t, NewSpace(t.Sched(), "main")), 0, 2*PageSize)
		b.FaultIn(t, 0, PageSize, false)
		h.m.InvalidateLock.Lock(t)
		first := t.Go("first", func(t *sched.Task) {
			pins, n := b.Pin(t, 0, 2*PageSize, false, false)
			must(n == 2*PageSize, "a task with a pin was kept out")
			pins.Unpin(t)
		})
		_, faults := t.AwaitBlocked(first)
		must(faults, "the second page was there")
		h.m.RefuseNewPins(t)
		h.m.InvalidateLock.Unlock(t)
		t.Join(first)
		h.m.UnmapMappingRange(t, 0, EOF)
		late := t.Go("late", func(t *sched.Task) { b.Pin(t, 0, PageSize, false, false) })
		_, blocked := t.AwaitBlocked(late)
		must(blocked, "a new pin was admitted")
		h.m.AdmitPins(t)
		t.Join(late)
	})
}
