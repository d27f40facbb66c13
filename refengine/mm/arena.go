package mm

import "github.com/iomapcheck/iomapcheck/refengine/sched"

// arena keeps folios with their bytes from one execution of a scheduler to the next. Folios of an execution are never used
// again within it: whoever holds on to one that has left the cache still reads what it held.
type arena struct {
	execution uint64
	orders    [maxOrder + 1]folioPool
}

// maxOrder is the largest folio order (MAX_PAGECACHE_ORDER on a machine with 4 KiB pages and 2 MiB huge pages).
const maxOrder = 9

// folioPool holds the folios of one order; the first used of them belong to this execution.
type folioPool struct {
	all  []*Folio
	used int
}

// arenaKey is the arena's name among what a scheduler keeps.
type arenaKey struct{}

func arenaOf(s *sched.Sched) *arena {
	a := s.Kept(arenaKey{}, func() any { return &arena{} }).(*arena)
	if a.execution != s.Execution() {
		a.execution = s.Execution()
		for i := range a.orders {
			a.orders[i].used = 0
		}
	}
	return a
}

// folio returns a folio whose bytes are zero, so that no execution sees what another has left.
func (a *arena) folio(order uint8) *Folio {
	p := &a.orders[order]
	if p.used == len(p.all) {
		p.all = append(p.all, &Folio{Data: make([]byte, PageSize<<order)})
	} else {
		f := p.all[p.used]
		clear(f.Data)
		*f = Folio{Data: f.Data}
	}
	p.used++
	return p.all[p.used-1]
}
