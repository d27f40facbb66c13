package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// BeginFlags say what a mapping is for (IOMAP_WRITE …).
type BeginFlags uint8

// The flags.
const (
	ForWrite  BeginFlags = 1 << iota
	ForZero              // IOMAP_ZERO
	ForDirect            // IOMAP_DIRECT
	ForFault             // IOMAP_FAULT
	Overwrite            // IOMAP_OVERWRITE_ONLY: EAGAIN if blocks would have to be allocated or converted
	NoWait               // IOMAP_NOWAIT: EAGAIN instead of allocating
)

// Iomap is what a range of a file is backed by for the time of an operation; analogous to struct iomap.
type Iomap struct {
	Extent
	New    bool   // IOMAP_F_NEW: allocated by this operation
	cookie uint32 // validity_cookie
}

// Valid says whether the extents have not changed since the mapping was made (iomap_valid). Callers hold the folio's lock: from
// then on nothing that changes the folio's blocks can pass.
func (im Iomap) Valid(ino *Inode) bool { return im.cookie == ino.cookie }

// BeginExtents is the simple extent filesystem's ->iomap_begin, for personalities to use: reads look up, buffered writes
// reserve holes, direct writes allocate them as unwritten blocks.
func (ino *Inode) BeginExtents(t *sched.Task, pos, length int64, flags BeginFlags) (Iomap, errno.Errno) {
	if flags&ForWrite == 0 {
		ino.ILock.RLock(t)
		defer ino.ILock.RUnlock(t)
		return ino.lookup(pos, length), errno.OK
	}
	ino.ILock.Lock(t)
	defer ino.ILock.Unlock(t)
	im := ino.lookup(pos, length)
	switch {
	case flags&Overwrite != 0 && (im.Type != Mapped || pos+length > ino.isize || im.Len < length):
		return im, errno.EAGAIN
	case im.Type.Allocated() || (im.Type == Delalloc && flags&ForDirect == 0):
		return im, errno.OK
	case flags&NoWait != 0:
		return im, errno.EAGAIN
	case flags&ForDirect == 0:
		return ino.reserve(im), errno.OK
	case im.Type == Delalloc:
		return im, errno.OK // the direct path refuses it
	}
	return ino.allocate(im)
}

// lookup returns the mapping of pos; the caller holds ILock.
func (ino *Inode) lookup(pos, length int64) Iomap {
	return Iomap{Extent: ino.extents.Lookup(pos, pos+length), cookie: ino.cookie}
}

// blocks returns the extent widened to whole blocks, but not over neighbours that are not holes.
func (ino *Inode) blocks(e Extent) Extent {
	bs := ino.Sb.BlockSize
	off, end := e.Off/bs*bs, (e.End()+bs-1)/bs*bs
	return Extent{Off: off, Len: end - off}
}

func (ino *Inode) reserve(im Iomap) Iomap {
	e := ino.blocks(im.Extent)
	e.Type = Delalloc
	ino.setExtent(e)
	im.Type, im.New, im.cookie = Delalloc, true, ino.cookie
	return im
}

// allocate gives blocks to a hole; they are unwritten until the data is on the disk.
func (ino *Inode) allocate(im Iomap) (Iomap, errno.Errno) {
	e := ino.blocks(im.Extent)
	r, err := ino.Sb.alloc(e.Len)
	if err != errno.OK {
		return im, err
	}
	e.Type, e.Addr, e.Len = Unwritten, r.Off, r.Len()
	ino.setExtent(e)
	im.Extent = e.clip(im.Off, im.End())
	im.New, im.cookie = true, ino.cookie
	return im, errno.OK
}

// mapForWriteback maps pos for writing a dirty folio out (xfs_map_blocks): what is delalloc gets blocks, a hole has nothing
// to write.
func (ino *Inode) mapForWriteback(t *sched.Task, pos, length int64) (Iomap, errno.Errno) {
	ino.ILock.Lock(t)
	defer ino.ILock.Unlock(t)
	im := ino.lookup(pos, length)
	if im.Type != Delalloc {
		return im, errno.OK
	}
	return ino.allocate(im)
}

// FinishWrite makes the blocks of [pos, end) mapped now that their data is on the disk, and then raises the size on disk to
// newSize if that is larger (xfs_iomap_write_unwritten, xfs_setfilesize).
func (ino *Inode) FinishWrite(t *sched.Task, pos, end, newSize int64) {
	ino.ILock.Lock(t)
	defer ino.ILock.Unlock(t)
	bs := ino.Sb.BlockSize
	if ino.extents.Convert(pos/bs*bs, (end+bs-1)/bs*bs) {
		ino.cookie++
	}
	ino.diskSize = max(ino.diskSize, newSize)
}

// Preallocate gives unwritten blocks to the holes of [pos, end) (fallocate).
func (ino *Inode) Preallocate(t *sched.Task, pos, end int64) errno.Errno {
	bs := ino.Sb.BlockSize
	ino.ILock.Lock(t)
	defer ino.ILock.Unlock(t)
	for pos, end = pos/bs*bs, (end+bs-1)/bs*bs; pos < end; {
		im := ino.lookup(pos, end-pos)
		if im.Type == Hole || im.Type == Delalloc {
			var err errno.Errno
			if im, err = ino.allocate(im); err != errno.OK {
				return err
			}
		}
		pos = im.End()
	}
	return errno.OK
}

// FreeBlocks frees the whole blocks within [pos, end) (xfs_unmap_extent, xfs_itruncate_extents). end may be mm.EOF.
func (ino *Inode) FreeBlocks(t *sched.Task, pos, end int64) {
	bs := ino.Sb.BlockSize
	pos = (pos + bs - 1) / bs * bs
	if end != mm.EOF {
		end = end / bs * bs
	}
	if end <= pos {
		return
	}
	ino.ILock.Lock(t)
	defer ino.ILock.Unlock(t)
	ino.Sb.release(ino.setExtent(Extent{Off: pos, Len: end - pos, Type: Hole}))
}

// SetDiskSize sets the size on disk: the transaction of a truncate.
func (ino *Inode) SetDiskSize(t *sched.Task, size int64) {
	ino.ILock.Lock(t)
	defer ino.ILock.Unlock(t)
	ino.diskSize = size
}

// SetISize sets the size in memory (i_size_write). The caller holds IRwsem exclusively.
func (ino *Inode) SetISize(t *sched.Task, size int64) {
	t.Step("i_size_write", ino.obj)
	ino.isize = size
}
