package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// PrepareShift writes back and drops the cache from pos on, of which every byte is about to stand elsewhere (xfs_prepare_shift,
// ext4_collapse_range). The caller keeps everybody else from filling it again.
func (ino *Inode) PrepareShift(t *sched.Task, pos int64) errno.Errno {
	if ino.Sb.Mutants.Has(mutant.ShiftKeepsCache) {
		return errno.OK
	}
	pos = roundDown(pos, max(ino.Sb.BlockSize, mm.PageSize<<ino.Sb.FolioOrder))
	if err := ino.Mapping.WriteAndWaitRange(t, pos, mm.EOF); err != errno.OK {
		return err
	}
	ino.Hooks.Drain(t, ino)
	ino.Mapping.TruncatePagecacheRange(t, pos, mm.EOF)
	return errno.OK
}

// ShiftExtents moves the blocks from pos on by a distance in bytes, towards the start of the file where it is negative
// (xfs_bmap_collapse_extents, xfs_bmap_insert_extents). What they move over is a hole; pos and by are multiples of the block size.
//
//	before        [aaaa)[bbbb)
//	shift b by +4 [aaaa)    [bbbb)
func (ino *Inode) ShiftExtents(t *sched.Task, pos, by int64) {
	ino.ILock.Lock(t)
	defer ino.ILock.Unlock(t)
	for _, e := range ino.setExtent(Extent{Off: pos, Len: mm.EOF - pos, Type: Hole}) {
		e.Off += by
		ino.setExtent(e)
	}
}
