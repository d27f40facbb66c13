package iomap

import (
	"slices"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// promise says whether n bytes can still be had that nobody has reserved (xfs_dec_fdblocks, ext4_claim_free_clusters); EDQUOT if not by the
// files' owner, ENOSPC if not by anybody. The caller reserves or allocates them before the next scheduling point. n is a multiple of the block size.
//
// A request gets all of what it asks for or nothing. Kernels try again with less, so that a write may fill what is left first.
func (sb *Super) promise(t *sched.Task, n int64) errno.Errno {
	if !sb.CountsSpace {
		return errno.OK
	}
	t.Writes(sb.spaceObj)
	switch {
	case sb.exceeds(n):
		return sb.overQuota()
	case sb.freeBytes()-sb.reserved < n:
		return errno.ENOSPC
	}
	return errno.OK
}

// reservedInstead notes that an extent has replaced others, of which some may have been promises.
func (sb *Super) reservedInstead(e Extent, old []Extent) {
	if e.Type == Delalloc {
		sb.reserved += e.Len
	}
	for _, o := range old {
		if o.Type == Delalloc {
			sb.reserved -= o.Len
		}
	}
}

func (sb *Super) freeBytes() int64 { return total(sb.free) }

func total(list []block.Range) int64 {
	var n int64
	for _, r := range list {
		n += r.Len()
	}
	return n
}

// Fill takes all free space but keep bytes, rounded down to blocks, and returns what it took, for Unfill. What is promised to others stays
// free.
func (sb *Super) Fill(t *sched.Task, keep int64) []block.Range {
	t.Writes(sb.spaceObj)
	keep = roundDown(keep, sb.BlockSize) + sb.reserved
	var left, taken []block.Range
	for _, r := range sb.free {
		n := min(keep, r.Len())
		keep -= n
		if n > 0 {
			left = append(left, block.Range{Off: r.Off, End: r.Off + n})
		}
		if n < r.Len() {
			taken = append(taken, block.Range{Off: r.Off + n, End: r.End})
		}
	}
	sb.free = left
	sb.quota.bytes += total(taken) // it is nobody's
	return taken
}

// Unfill gives back what Fill took.
func (sb *Super) Unfill(t *sched.Task, taken []block.Range) {
	t.Writes(sb.spaceObj)
	sb.free = slices.Concat(sb.free, taken)
	sb.quota.bytes -= total(taken)
	sb.tidyFree()
}
