package mm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// What mm touches in a step is declared there: steps that declare nothing in common commute.
func TestStepsDeclareWhatTheyTouch(t *testing.T) {
	reader := func(t *sched.Task, h *memFile, out *string) {
		p := make([]byte, 8)
		n, err := h.m.Read(t, p, PageSize-4, false)
		*out = fmt.Sprint(n, err, p)
	}
	loader := func(t *sched.Task, h *memFile, out *string) {
		p := []byte{0}
		n, err := h.m.Mmap(t, NewSpace(t.Sched(), "loader")).Load(t, p, 0)
		*out = fmt.Sprint(n, err, p)
	}
	storer := func(t *sched.Task, h *memFile, out *string) {
		n, err := h.m.Mmap(t, NewSpace(t.Sched(), "storer")).Store(t, []byte{'s'}, 0)
		*out = fmt.Sprint(n, err)
	}
	invalidator := func(t *sched.Task, h *memFile, out *string) {
		*out = h.m.InvalidateInodePages2Range(t, 0, PageSize).String()
	}
	evicter := func(t *sched.Task, h *memFile, out *string) {
		*out = fmt.Sprint(h.m.InvalidateMappingPages(t, 0, EOF))
	}
	reclaimer := func(t *sched.Task, h *memFile, out *string) { *out = fmt.Sprint(h.m.Memcg.Reclaim(t, 1)) }
	syncer := func(t *sched.Task, h *memFile, out *string) {
		h.Writepages(t, 0, h.size)
		h.endWriteback(t)
		*out = h.m.FileWriteAndWaitRange(t, 0, 0, new(int)).String()
	}
	pinner := func(t *sched.Task, h *memFile, out *string) {
		pins, n := Mapped(h.m.Mmap(t, NewSpace(t.Sched(), "pinner")), 0, 2*PageSize).Pin(t, 0, 2*PageSize, true, false)
		pins.Unpin(t)
		*out = fmt.Sprint(n)
	}
	breaker := func(t *sched.Task, h *memFile, out *string) {
		h.m.InvalidateLock.Lock(t)
		for f := h.m.DAXLayoutBusyPage(t, 0, EOF); f != nil; f = h.m.DAXLayoutBusyPage(t, 0, EOF) {
			*out += "busy "
			h.m.InvalidateLock.Unlock(t)
			h.m.WaitDAXPageIdle(t, f)
			h.m.InvalidateLock.Lock(t)
		}
		h.m.InvalidateLock.Unlock(t)
	}
	type body = func(*sched.Task, *memFile, *string)
	for name, bodies := range map[string][]body{
		"read, invalidate":        {reader, invalidator},
		"read, evict":             {reader, evicter},
		"read, reclaim":           {reader, reclaimer},
		"load, invalidate":        {loader, invalidator},
		"load, reclaim":           {loader, reclaimer},
		"store, load":             {storer, loader},
		"store, invalidate":       {storer, invalidator},
		"store, reclaim":          {storer, reclaimer},
		"store, sync":             {storer, syncer},
		"read, read, reclaim":     {reader, reader, reclaimer},
		"pin, reclaim":            {pinner, reclaimer},
		"pin, break (dax)":        {pinner, breaker},
		"load, evict, invalidate": {loader, evicter, invalidator},
	} {
		var h *memFile
		var outs []string
		a := sched.Audit(t.Context(), sched.Options{Budget: 1000}, func(s *sched.Sched) {
			h = &memFile{disk: make([]byte, 2*PageSize), size: 2 * PageSize, refuse: -1}
			h.m = NewMapping(s, h, nil)
			h.m.Memcg = NewMemcg(s, nil)
			h.m.DAX = strings.Contains(name, "dax")
			outs = make([]string, len(bodies))
			for i, b := range bodies {
				s.Go(fmt.Sprint("task", i), func(t *sched.Task) { b(t, h, &outs[i]) })
			}
		}, func(*sched.Result) string { return fmt.Sprint(outs, h.state()) })
		if len(a.Findings) > 0 {
			t.Errorf("%s: %v, %d swaps: %q", name, a.Proof, a.Swaps, a.Findings)
		}
		t.Logf("%s: %v, %d final states, %d swaps", name, a.Proof, a.Finals, a.Swaps)
	}
}

// state tells what is cached and what the disk has, in an order of its own.
func (h *memFile) state() string {
	s := fmt.Sprint(h.disk[0])
	for _, f := range h.m.folios {
		s += fmt.Sprint(" ", f.Index, f.uptodate, f.dirty, f.mapped, f.refs, f.Data[0])
	}
	return s + errno.Errno(h.m.asErr).String()
}
