package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// The CoW fork holds where data goes whose present blocks must not be overwritten (xfs_inode.i_cowfp): reserved by buffered
// writes and stores, allocated when the data is on its way, the file's own when it has arrived. In it Delalloc is reserved and Mapped is
// on its way. All of this file is called with ILock held, unless it says otherwise.

func (ino *Inode) setCow(e Extent) []Extent {
	ino.cowCookie++
	old := ino.cow.Set(e)
	ino.Sb.reservedInstead(e, old)
	return old
}

// beginCow maps a write to blocks that must stay as they are (xfs_reflink_allocate_cow, the CoW part of
// xfs_buffered_write_iomap_begin).
func (ino *Inode) beginCow(t *sched.Task, im Iomap, flags BeginFlags) (Iomap, errno.Errno) {
	e := ino.cow.Lookup(im.Off, im.End())
	if e.Type == Hole {
		if flags&NoWait != 0 {
			return im, errno.EAGAIN
		}
		whole := ino.blocks(e)
		whole.Type = Delalloc
		if err := ino.Sb.promise(t, whole.Len); err != errno.OK {
			return im, err
		}
		ino.setCow(whole)
		e = ino.cow.Lookup(im.Off, e.End())
	}
	if flags&ForDirect != 0 {
		var err errno.Errno
		if e, err = ino.allocateCow(t, e); err != errno.OK {
			return im, err
		}
	}
	return Iomap{
		Extent: e, Src: im.Extent.clip(e.Off, e.End()), Shared: true, Dirty: true, cookie: ino.cookie, cowCookie: ino.cowCookie,
	}, errno.OK
}

// allocateCow gives blocks to a reservation whose data is about to be written, as far as free space is contiguous.
func (ino *Inode) allocateCow(t *sched.Task, e Extent) (Extent, errno.Errno) {
	if e.Type != Delalloc {
		return e, errno.OK
	}
	whole := ino.blocks(e)
	r, err := ino.Sb.alloc(t, whole.Len)
	if err != errno.OK {
		return e, err
	}
	whole.Type, whole.Addr, whole.Len = Mapped, r.Off, r.Len()
	ino.setCow(whole)
	return whole.clip(e.Off, e.End()), errno.OK
}

// endCow makes the written part of [pos, end) the file's (xfs_reflink_end_cow). What is only reserved stays.
func (ino *Inode) endCow(t *sched.Task, pos, end int64) {
	for _, e := range ino.cow.All(pos, end) {
		if e.Type != Mapped {
			continue
		}
		ino.setCow(Extent{Off: e.Off, Len: e.Len, Type: Hole})
		ino.Sb.release(t, ino.setExtent(e))
	}
}

// cancelCow gives up what the CoW fork has of [pos, end) (xfs_reflink_cancel_cow_range).
func (ino *Inode) cancelCow(t *sched.Task, pos, end int64) {
	if len(ino.cow.All(pos, end)) > 0 {
		ino.Sb.release(t, ino.setCow(Extent{Off: pos, Len: end - pos, Type: Hole}))
	}
}

// failCow gives up the blocks of a write that failed; the data stays what it was. It takes ILock.
func (ino *Inode) failCow(t *sched.Task, pos, end int64) {
	ino.ILock.Lock(t)
	defer ino.ILock.Unlock(t)
	ino.cancelCow(t, roundDown(pos, ino.Sb.BlockSize), roundUp(end, ino.Sb.BlockSize))
}

// ShareExtents makes [dstPos, dstPos+n) of dst the same blocks as [pos, pos+n) of ino (xfs_reflink_remap_blocks); what ino has no data
// for becomes a hole. Positions are multiples of the block size, n too or up to the end of ino. The caller has locked both files, has
// written ino's range back and dropped dst's cache. It takes both ILocks, in the order of the inodes.
func (ino *Inode) ShareExtents(t *sched.Task, pos int64, dst *Inode, dstPos, n int64) {
	first, second := ino, dst
	if dst.obj < ino.obj {
		first, second = dst, ino
	}
	first.ILock.Lock(t)
	defer first.ILock.Unlock(t)
	if second != first {
		second.ILock.Lock(t)
		defer second.ILock.Unlock(t)
	}
	t.Writes(ino.ILock.Obj())
	t.Writes(dst.ILock.Obj())
	ino.reflinked, dst.reflinked = true, true
	n = roundUp(n, ino.Sb.BlockSize)
	all := ino.extents.All(pos, pos+n)
	ino.Sb.share(t, all)
	ino.Sb.release(t, dst.setExtent(Extent{Off: dstPos, Len: n, Type: Hole}))
	dst.cancelCow(t, dstPos, dstPos+n)
	for _, e := range all {
		if e.Type == Mapped {
			e.Off += dstPos - pos
			dst.setExtent(e)
		}
	}
}

// Reflinked says whether the file may have blocks that others have too (xfs_is_cow_inode). It takes no lock.
func (ino *Inode) Reflinked(t *sched.Task) bool {
	t.Reads(ino.ILock.Obj())
	return ino.reflinked
}

// dropVolatile forgets what a mount does not find: reservations and the CoW fork.
func (ino *Inode) dropVolatile(t *sched.Task) {
	ino.cancelCow(t, 0, mm.EOF)
	for _, e := range ino.extents.All(0, mm.EOF) {
		if e.Type == Delalloc {
			ino.setExtent(Extent{Off: e.Off, Len: e.Len, Type: Hole})
		}
	}
}
