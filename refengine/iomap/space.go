package iomap

import (
	"slices"
	"sort"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// sharedBlocks is a run of blocks that more than one file has; analogous to a record of xfs' reference count tree.
type sharedBlocks struct {
	block.Range
	files int // at least 2
}

// alloc returns the lowest free disk range of at most n bytes, shorter if none is that long; ENOSPC if there is none. n is a
// multiple of the block size.
func (sb *Super) alloc(t *sched.Task, n int64) (block.Range, errno.Errno) {
	t.Writes(sb.spaceObj)
	if len(sb.free) == 0 {
		return block.Range{}, errno.ENOSPC
	}
	g := &sb.free[0]
	r := block.Range{Off: g.Off, End: min(g.End, g.Off+n)}
	if g.Off = r.End; g.Off == g.End {
		sb.free = sb.free[1:]
	}
	return r, errno.OK
}

// release gives the blocks of extents back, those that other files have too only for this one. They may be allocated
// again at once: an I/O still in flight to them hits another file.
func (sb *Super) release(t *sched.Task, extents []Extent) {
	t.Writes(sb.spaceObj)
	for _, e := range extents {
		if !e.Type.Allocated() {
			continue
		}
		for _, part := range sb.parts(e.Addr, e.Len) {
			if part.files > 1 {
				sb.count(part.Range, part.files-1)
			} else {
				sb.giveUp(part.Range)
			}
		}
	}
	sb.tidyFree()
}

// tidyFree brings the free space into order.
func (sb *Super) tidyFree() {
	sort.Slice(sb.free, func(i, j int) bool { return sb.free[i].Off < sb.free[j].Off })
	merged := sb.free[:0]
	for _, r := range sb.free {
		if n := len(merged); n > 0 && merged[n-1].End == r.Off {
			merged[n-1].End = r.End
		} else {
			merged = append(merged, r)
		}
	}
	sb.free = merged
}

// share counts one file more for the mapped extents' blocks.
func (sb *Super) share(t *sched.Task, extents []Extent) {
	t.Writes(sb.spaceObj)
	for _, e := range extents {
		if e.Type != Mapped {
			continue
		}
		for _, part := range sb.parts(e.Addr, e.Len) {
			sb.count(part.Range, part.files+1)
		}
	}
}

// sharing says whether the block at addr belongs to more than one file, and up to where within n bytes that is so
// (xfs_reflink_trim_around_shared).
func (sb *Super) sharing(t *sched.Task, addr, n int64) (bool, int64) {
	t.Reads(sb.spaceObj)
	if len(sb.shared) == 0 || n == 0 {
		return false, n
	}
	first := sb.parts(addr, n)[0]
	return first.files > 1, first.Len()
}

// parts splits [addr, addr+n) by how many files have the blocks.
func (sb *Super) parts(addr, n int64) []sharedBlocks {
	var parts []sharedBlocks
	end := addr + n
	for _, s := range sb.shared {
		if s.End <= addr || s.Off >= end {
			continue
		}
		if s.Off > addr {
			parts = append(parts, sharedBlocks{block.Range{Off: addr, End: s.Off}, 1})
			addr = s.Off
		}
		to := min(s.End, end)
		parts = append(parts, sharedBlocks{block.Range{Off: addr, End: to}, s.files})
		addr = to
	}
	if addr < end {
		parts = append(parts, sharedBlocks{block.Range{Off: addr, End: end}, 1})
	}
	return parts
}

// count sets how many files have the blocks of r, which parts returned.
func (sb *Super) count(r block.Range, files int) {
	var list []sharedBlocks
	for _, s := range sb.shared {
		if !s.Overlaps(r) {
			list = append(list, s)
			continue
		}
		if s.Off < r.Off {
			list = append(list, sharedBlocks{block.Range{Off: s.Off, End: r.Off}, s.files})
		}
		if s.End > r.End {
			list = append(list, sharedBlocks{block.Range{Off: r.End, End: s.End}, s.files})
		}
	}
	if files > 1 {
		list = append(list, sharedBlocks{r, files})
	}
	slices.SortFunc(list, func(a, b sharedBlocks) int { return int(a.Off - b.Off) })
	sb.shared = list
}
