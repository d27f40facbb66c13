package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// BeginFlags say what a mapping is for (IOMAP_WRITE …).
type BeginFlags uint16

// The flags. The last two are no flags of the kernel's: by them a filesystem says how it allocates.
const (
	ForWrite   BeginFlags = 1 << iota
	ForZero               // IOMAP_ZERO
	ForDirect             // IOMAP_DIRECT
	ForFault              // IOMAP_FAULT
	Overwrite             // IOMAP_OVERWRITE_ONLY: EAGAIN if blocks would have to be allocated or converted
	NoWait                // IOMAP_NOWAIT: EAGAIN instead of allocating
	ForUnshare            // IOMAP_UNSHARE: give shared blocks copies of their own
	AlwaysCow             // data is never overwritten in place (btrfs, xfs' always_cow)
	AllocNow              // a buffered write gets its blocks at once, as mapped ones: no delayed allocation (gfs2)
)

// Iomap is what a range of a file is backed by for the time of an operation; analogous to struct iomap, with the srcmap.
type Iomap struct {
	Extent
	New    bool // IOMAP_F_NEW: allocated or reserved by this operation, the blocks' contents are not valid
	Dirty  bool // IOMAP_F_DIRTY: metadata that the data needs is not durable, so that FUA is not enough for O_DSYNC
	Shared bool // IOMAP_F_SHARED: a write of shared blocks; the extent is where the data goes, Src where it is
	Stale  bool // IOMAP_F_STALE: the extents changed under the operation, which maps again
	// Src is where the present data is, if not in Extent (srcmap); its Len is 0 if it is there.
	Src Extent

	cookie, cowCookie uint32 // validity_cookie
}

// Source returns the extent that holds the present data (iomap_iter_srcmap).
func (im Iomap) Source() Extent {
	if im.Src.Len > 0 {
		return im.Src
	}
	return im.Extent
}

// Current says whether the extents have not changed since the mapping was made (xfs_iomap_valid). Callers hold the folio's lock:
// from then on nothing that changes the folio's blocks can pass.
func (ino *Inode) Current(t *sched.Task, im Iomap) bool {
	t.Reads(ino.ILock.Obj())
	return im.cookie == ino.cookie && (!im.Shared || im.cowCookie == ino.cowCookie)
}

// BeginExtents is the extent filesystem's ->iomap_begin, for personalities to use: reads look up; buffered writes reserve holes, or
// with AllocNow allocate them; direct writes allocate them as unwritten blocks; writes to shared blocks get others in the CoW fork,
// reserved or, for direct I/O, allocated.
func (ino *Inode) BeginExtents(t *sched.Task, pos, length int64, flags BeginFlags) (Iomap, errno.Errno) {
	if flags&(ForWrite|ForZero|ForUnshare) == 0 {
		ino.ILock.RLock(t)
		defer ino.ILock.RUnlock(t)
		return ino.lookup(pos, length), errno.OK
	}
	size := ino.ReadISize(t)
	ino.ILock.Lock(t)
	defer ino.ILock.Unlock(t)
	im := ino.lookup(pos, length)
	if im.Type == Mapped {
		im.Shared, im.Len = ino.Sb.sharing(t, im.Addr, im.Len)
	}
	cow := im.Shared || (flags&AlwaysCow != 0 && im.Type == Mapped)
	switch {
	case flags&Overwrite != 0 && (cow || im.Type != Mapped || pos+length > size || im.Len < length):
		return im, errno.EAGAIN
	case cow:
		return ino.beginCow(t, im, flags)
	case flags&ForWrite == 0, flags&ForUnshare != 0, im.Type.Allocated(), im.Type == Inline, im.Type == Delalloc:
		return im, errno.OK // a direct write refuses delalloc; nothing is allocated to zero or unshare a hole
	case flags&NoWait != 0:
		return im, errno.EAGAIN
	case flags&ForDirect != 0:
		return ino.allocate(t, im, Unwritten)
	case flags&AllocNow != 0:
		return ino.allocate(t, im, Mapped)
	}
	return ino.reserve(t, im)
}

// lookup returns the mapping of pos; the caller holds ILock.
func (ino *Inode) lookup(pos, length int64) Iomap {
	im := Iomap{Extent: ino.extents.Lookup(pos, pos+length), Dirty: ino.metaDirty(), cookie: ino.cookie, cowCookie: ino.cowCookie}
	if ino.inline != nil && pos < ino.Sb.BlockSize {
		im.Extent = Extent{Off: pos, Len: min(length, ino.Sb.BlockSize-pos), Type: Inline}
	}
	return im
}

// blocks returns the extent widened to whole blocks, but not over neighbours that are not holes.
func (ino *Inode) blocks(e Extent) Extent {
	bs := ino.Sb.BlockSize
	off := roundDown(e.Off, bs)
	return Extent{Off: off, Len: roundUp(e.End(), bs) - off}
}

// wholeBlocks returns an extent widened to whole blocks: the blocks at its ends are backed like the rest.
func (ino *Inode) wholeBlocks(e Extent) Extent {
	whole := ino.blocks(e)
	whole.Type = e.Type
	if e.Type.Allocated() {
		whole.Addr = e.Addr - (e.Off - whole.Off)
	}
	return whole
}

func (ino *Inode) reserve(t *sched.Task, im Iomap) (Iomap, errno.Errno) {
	e := ino.blocks(im.Extent)
	if err := ino.Sb.promise(t, e.Len); err != errno.OK {
		return im, err
	}
	e.Type = Delalloc
	ino.setExtent(e)
	im.Type, im.New, im.cookie = Delalloc, true, ino.cookie
	return im, errno.OK
}

// allocate gives blocks of a type to a hole or to delalloc.
func (ino *Inode) allocate(t *sched.Task, im Iomap, as Type) (Iomap, errno.Errno) {
	e := ino.blocks(im.Extent)
	if im.Type != Delalloc {
		if err := ino.Sb.promise(t, e.Len); err != errno.OK {
			return im, err
		}
	}
	r, err := ino.Sb.alloc(t, e.Len)
	if err != errno.OK {
		return im, err
	}
	e.Type, e.Addr, e.Len = as, r.Off, r.Len()
	ino.setExtent(e)
	im.Extent = e.clip(im.Off, im.End())
	im.New, im.cookie = true, ino.cookie
	return im, errno.OK
}
