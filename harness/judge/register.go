package judge

import (
	"slices"
	"sort"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// write is what an operation may have put into a range of a file.
type write struct {
	span
	interval
	fill prog.Fill
	// definite: it was carried out in full, so that no earlier write can be seen behind it.
	definite bool
}

// register answers which fills a read may find, byte by byte. The file is cut at every write's ends into cells whose bytes
// all have the same writes; a cell's index is made when it is first asked for.
//
//	writes   ├────o────┤
//	              ├─────n─────┤
//	cells    │ 0  │ 1  │  2   │ 3 …
type register struct {
	writes []write
	bounds []int64 // where cells begin; the last goes on for ever
	cells  []*cell
}

func newRegister(writes []write) *register {
	bounds := []int64{0}
	for _, w := range writes {
		bounds = append(bounds, w.lo, w.end)
	}
	slices.Sort(bounds)
	bounds = slices.Compact(bounds)
	return &register{writes: writes, bounds: bounds, cells: make([]*cell, len(bounds))}
}

// cellEnd is where the cell ends that pos is in.
func (g *register) cellEnd(pos int64) int64 {
	i := sort.Search(len(g.bounds), func(i int) bool { return g.bounds[i] > pos })
	if i == len(g.bounds) {
		return maxBytes
	}
	return g.bounds[i]
}

// at is the cell that pos is in.
func (g *register) at(pos int64) *cell {
	i := sort.Search(len(g.bounds), func(i int) bool { return g.bounds[i] > pos }) - 1
	if g.cells[i] == nil {
		g.cells[i] = newCell(g.writes, pos)
	}
	return g.cells[i]
}

// cell is the history of bytes that have the same writes.
type cell struct {
	definite intervals
	byFill   map[prog.Fill]*intervals
}

// newCell gathers the writes of the byte at pos; before all of them the byte is zero.
func newCell(writes []write, pos int64) *cell {
	c := &cell{byFill: map[prog.Fill]*intervals{}}
	c.add(write{interval: interval{before, before}, fill: prog.Zero, definite: true})
	for _, w := range writes {
		if w.lo <= pos && pos < w.end {
			c.add(w)
		}
	}
	c.definite.index()
	for _, s := range c.byFill {
		s.index()
	}
	return c
}

func (c *cell) add(w write) {
	if c.byFill[w.fill] == nil {
		c.byFill[w.fill] = &intervals{}
	}
	c.byFill[w.fill].add(w.interval)
	if w.definite {
		c.definite.add(w.interval)
	}
}

// legal says whether a read may find the fill: a write of it began before the read ended, and did not end before the latest of the
// definite writes began that had ended before the read began.
func (c *cell) legal(f prog.Fill, read interval) bool {
	s := c.byFill[f]
	if s == nil {
		return false
	}
	end, any := s.lastEnd(read.ret)
	settled, _ := c.definite.lastBegin(read.inv)
	return any && end >= settled
}

// written says whether the fill is the byte's first value or of a write that began before the read ended, overwritten or not.
func (c *cell) written(f prog.Fill, read interval) bool {
	s := c.byFill[f]
	if s == nil {
		return false
	}
	_, any := s.lastEnd(read.ret)
	return any
}

// legalSet lists the fills that a read may find, for the reader of a result.
func (c *cell) legalSet(read interval) string {
	return c.set(func(f prog.Fill) bool { return c.legal(f, read) })
}

// writtenSet lists the fills that a read may find if writes can be lost.
func (c *cell) writtenSet(read interval) string {
	return c.set(func(f prog.Fill) bool { return c.written(f, read) })
}

func (c *cell) set(in func(prog.Fill) bool) string {
	var set []byte
	for f := range c.byFill {
		if in(f) {
			set = append(set, byte(f))
		}
	}
	slices.Sort(set)
	return string(set)
}
