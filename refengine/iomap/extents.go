package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// setExtent changes the extents and returns what was there; the caller holds ILock.
func (ino *Inode) setExtent(e Extent) []Extent {
	ino.cookie++
	ino.changes++
	old := ino.extents.Set(e)
	ino.Sb.reservedInstead(e, old)
	return old
}

// mapForWriteback maps pos for writing a dirty folio out (xfs_map_blocks): data that goes elsewhere than it is, is found in the CoW
// fork; what is delalloc gets blocks; a hole has nothing to write.
func (ino *Inode) mapForWriteback(t *sched.Task, pos, length int64) (Iomap, errno.Errno) {
	ino.ILock.Lock(t)
	defer ino.ILock.Unlock(t)
	cow := ino.cow.Lookup(pos, pos+length)
	if cow.Type != Hole {
		e, err := ino.allocateCow(t, cow)
		return Iomap{Extent: e, Shared: true}, err
	}
	im := ino.lookup(pos, cow.Len)
	if im.Type != Delalloc {
		return im, errno.OK
	}
	return ino.allocate(t, im, Unwritten)
}

// FinishWrite makes the blocks of [pos, end) mapped now that their data is on the disk, and then raises the size on disk to
// newSize if that is larger (xfs_iomap_write_unwritten, xfs_reflink_end_cow, xfs_setfilesize). What was written elsewhere, since its
// blocks are shared, becomes the file's, and the old blocks are given up.
func (ino *Inode) FinishWrite(t *sched.Task, pos, end, newSize int64) {
	ino.ILock.Lock(t)
	defer ino.ILock.Unlock(t)
	bs := ino.Sb.BlockSize
	pos, end = roundDown(pos, bs), roundUp(end, bs)
	if ino.extents.Convert(pos, end) {
		ino.cookie++
		ino.changes++
	}
	ino.endCow(t, pos, end)
	if newSize > ino.diskSize {
		ino.diskSize = newSize
		ino.changes++
	}
}

// Preallocate gives unwritten blocks to the holes of [pos, end) (fallocate).
func (ino *Inode) Preallocate(t *sched.Task, pos, end int64) errno.Errno {
	bs := ino.Sb.BlockSize
	ino.ILock.Lock(t)
	defer ino.ILock.Unlock(t)
	for pos, end = roundDown(pos, bs), roundUp(end, bs); pos < end; {
		im := ino.lookup(pos, end-pos)
		if im.Type == Hole || im.Type == Delalloc {
			var err errno.Errno
			if im, err = ino.allocate(t, im, Unwritten); err != errno.OK {
				return err
			}
		}
		pos = im.End()
	}
	return errno.OK
}

// FreeBlocks frees the whole blocks within [pos, end), those of the CoW fork too (xfs_unmap_extent, xfs_itruncate_extents,
// xfs_reflink_cancel_cow_range). end may be mm.EOF.
func (ino *Inode) FreeBlocks(t *sched.Task, pos, end int64) {
	bs := ino.Sb.BlockSize
	pos = roundUp(pos, bs)
	if end != mm.EOF {
		end = roundDown(end, bs)
	}
	if end <= pos {
		return
	}
	ino.ILock.Lock(t)
	defer ino.ILock.Unlock(t)
	ino.Sb.release(t, ino.setExtent(Extent{Off: pos, Len: end - pos, Type: Hole}))
	ino.cancelCow(t, pos, end)
}

// punchDelalloc gives up the reservations within [pos, end) (xfs_bmap_punch_delalloc_range).
func (ino *Inode) punchDelalloc(t *sched.Task, pos, end int64) {
	if end <= pos {
		return
	}
	ino.ILock.Lock(t)
	defer ino.ILock.Unlock(t)
	for _, e := range ino.extents.All(pos, end) {
		if e.Type == Delalloc {
			ino.setExtent(Extent{Off: e.Off, Len: e.Len, Type: Hole})
		}
	}
}

// SetDiskSize sets the size on disk: the transaction of a truncate.
func (ino *Inode) SetDiskSize(t *sched.Task, size int64) {
	ino.ILock.Lock(t)
	defer ino.ILock.Unlock(t)
	ino.diskSize = size
	ino.changes++
	ino.truncateInline(t, size)
}

// SetISize sets the size in memory (i_size_write). The caller holds IRwsem exclusively.
func (ino *Inode) SetISize(t *sched.Task, size int64) {
	t.Step("i_size_write", ino.obj)
	ino.isize = size
}

// PreallocateZeroed gives blocks to the holes of [pos, end) and writes zeros to them: fallocate of a filesystem that has no unwritten
// blocks (gfs2_fallocate with sb_issue_zeroout).
func (ino *Inode) PreallocateZeroed(t *sched.Task, pos, end int64) errno.Errno {
	bs := ino.Sb.BlockSize
	for pos, end = roundDown(pos, bs), roundUp(end, bs); pos < end; {
		im, err := ino.BeginExtents(t, pos, end-pos, ForWrite|AllocNow)
		if err != errno.OK {
			return err
		}
		if im.New {
			err = ino.Sb.Disk.SubmitWait(t, &block.Request{
				Op: block.OpWrite, Range: block.Range{Off: im.Addr, End: im.Addr + im.Len}, Data: make([]byte, im.Len),
			})
		}
		if err != errno.OK {
			return err
		}
		pos = im.End()
	}
	return errno.OK
}
