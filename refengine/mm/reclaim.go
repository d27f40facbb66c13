package mm

import (
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// Reclaim takes up to n pages from the cgroup (memory.reclaim) and returns how many it took.
func (c *Memcg) Reclaim(t *sched.Task, n int64) int64 {
	if c == nil {
		return 0
	}
	return c.shrink(t, n)
}

// shrink goes over the LRU once, oldest first, until n pages are reclaimed (shrink_inactive_list, shrink_folio_list). What leaves the
// cache under it counts: a kernel takes folios off the list before it looks at them, so that nobody else takes them.
func (c *Memcg) shrink(t *sched.Task, n int64) int64 {
	t.Step("shrink_folio_list", c.obj)
	taken := int64(0)
	for _, f := range append([]*Folio(nil), c.lru...) {
		if taken >= n {
			break
		}
		if gone := f.mapping == nil; c.steal(t, f) || gone {
			taken += 1 << f.Order
		}
	}
	return taken
}

// steal takes one folio if it may (the loop body of shrink_folio_list, __remove_mapping): only what is not locked, clean, not
// being written, not mlocked, used by nobody and released by its filesystem. A mapped folio is unmapped first.
func (c *Memcg) steal(t *sched.Task, f *Folio) bool {
	t.Reads(f.obj)
	m := f.mapping
	if m == nil {
		return false
	}
	c.events.Scan += 1 << f.Order
	if locked := m.Mutants.Has(mutant.ReclaimTakesLocked) && f.Locked(t); !locked {
		if !f.TryLock(t) {
			return false
		}
		defer f.Unlock(t)
	}
	if f.mapping != m || f.Writeback(t) || f.mlocked(t) {
		return false
	}
	if f.Mapped(t) && !m.Mutants.Has(mutant.ReclaimNoUnmap) {
		t.Step("try_to_unmap", 0)
		f.zap(t)
	}
	if f.Dirty(t) && !m.Mutants.Has(mutant.ReclaimTakesDirty) {
		return false
	}
	if !m.Host.ReleaseFolio(t, f) && !m.Mutants.Has(mutant.ReclaimTakesDirty) {
		return false
	}
	return c.removeMapping(t, m, f)
}

// removeMapping is __remove_mapping: nobody else may have a reference, and a folio that became dirty since stays.
func (c *Memcg) removeMapping(t *sched.Task, m *Mapping, f *Folio) bool {
	t.Step("__remove_mapping", m.obj)
	if f.mapping != m || (f.Dirty(t) && !m.Mutants.Has(mutant.ReclaimTakesDirty)) {
		return false
	}
	if f.inUse(t) && (f.pins == 0 || !m.Mutants.Has(mutant.ReclaimIgnoresPins)) && !m.Mutants.Has(mutant.ReclaimTakesLocked) {
		return false
	}
	m.remove(t, f)
	c.events.Steal += 1 << f.Order
	return true
}

// Kswapd is the body of a task that reclaims whenever it gets its turn: up to attempts times it tries one folio of the cgroup, picked
// by the strategy, so that any folio that may be taken at any moment is. It waits while there is nothing to take, and ends
// after the attempts or at StopKswapd.
func (c *Memcg) Kswapd(t *sched.Task, attempts int, stop *bool) {
	for range attempts {
		c.added.Wait(t, "kswapd", func() bool {
			t.Reads(c.obj)
			return len(c.lru) > 0 || *stop
		})
		if *stop {
			return
		}
		c.steal(t, c.lru[t.Choose(len(c.lru))])
	}
}

// StopKswapd ends the Kswapd tasks that were given the flag.
func (c *Memcg) StopKswapd(t *sched.Task, stop *bool) {
	t.Step("kswapd_stop", c.added.Obj())
	*stop = true
	c.added.Wake()
}
