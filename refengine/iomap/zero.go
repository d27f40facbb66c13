package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// zeroing is a range being zeroed through the cache.
type zeroing struct {
	ino   *Inode
	end   int64
	how   DirtyUnwritten
	dirty bool // something of the range was dirty or being written when it began, and has not been flushed
}

// ZeroRange makes [pos, end) read as zeros through the page cache (iomap_zero_range). It does not move the size. What reads as zeros
// already is left alone, but if there may be dirty folios over it: whether there are is sampled once, before the loop.
func (ino *Inode) ZeroRange(t *sched.Task, pos, end int64) errno.Errno {
	if ino.DAX() {
		return ino.DAXZero(t, pos, end)
	}
	z := &zeroing{ino: ino, end: end, how: ino.Sb.dirtyUnwritten()}
	if z.how != ZeroSkips {
		z.dirty = ino.Mapping.RangeHas(t, pos, end, func(f *mm.Folio) bool { return f.Dirty(t) || f.Writeback(t) })
	}
	for pos < end {
		im, err := ino.Hooks.Begin(t, ino, pos, end-pos, ForZero)
		if err != errno.OK {
			return err
		}
		if pos, err = z.iter(t, im); err != errno.OK {
			return err
		}
	}
	return errno.OK
}

// iter zeroes through one mapping and returns where to go on, which is the same place if it was stale.
func (z *zeroing) iter(t *sched.Task, im Iomap) (int64, errno.Errno) {
	ino, src := z.ino, im.Source()
	if src.Type != Hole && src.Type != Unwritten {
		return ino.zeroFolio(t, im)
	}
	if !z.dirty {
		return im.End(), errno.OK
	}
	if z.how == ZeroBatch && src.Type == Unwritten {
		return z.batch(t, im)
	}
	z.dirty = false
	return im.Off, ino.Mapping.WriteAndWaitRange(t, im.Off, z.end)
}

// batch zeroes the dirty folios over an unwritten mapping, and only those (xfs_buffered_write_iomap_begin with a folio batch).
func (z *zeroing) batch(t *sched.Task, im Iomap) (int64, errno.Errno) {
	for pos := im.Off; pos < im.End(); {
		f := z.ino.Mapping.FindFrom(t, mm.IndexOf(pos), mm.IndexOf(im.End()-1))
		if f == nil {
			break
		}
		pos = max(pos, f.Pos())
		next := min(f.End(), im.End())
		if f.Dirty(t) || f.Writeback(t) {
			part := im
			part.Extent = im.clip(pos, next)
			if to, err := z.ino.zeroFolio(t, part); err != errno.OK || to == pos {
				return pos, err
			}
		}
		pos = next
	}
	return im.End(), errno.OK
}

// zeroFolio zeroes what one folio has of a mapping (iomap_zero_iter), and returns where it got to: nowhere if the mapping is stale.
func (ino *Inode) zeroFolio(t *sched.Task, im Iomap) (int64, errno.Errno) {
	pos := im.Off
	f, err := ino.writeBegin(t, &im, pos, im.Len)
	if f == nil {
		return pos, err
	}
	n := min(im.End(), f.End()) - pos
	t.Step("folio_zero_range", f.Obj())
	zero(f, pos, pos+n)
	ino.writeEnd(t, f, pos, n, n)
	ino.putFolio(t, f, pos, n, pos)
	ino.Emit(t, trace.Event{Name: trace.ZeroIter, Pos: pos, End: pos + n})
	return pos + n, errno.OK
}

// TruncatePage zeroes from pos to the end of its block (iomap_truncate_page).
func (ino *Inode) TruncatePage(t *sched.Task, pos int64) errno.Errno {
	bs := ino.Sb.BlockSize
	if pos%bs == 0 {
		return errno.OK
	}
	return ino.Hooks.ZeroRange(t, ino, pos, roundUp(pos, bs))
}

// ZeroPartialBlocks zeroes the parts of blocks at the ends of [pos, end) that the range does not cover whole: how filesystems zero that
// look at their blocks under the folio's lock, and so see what is dirty (ext4_zero_partial_blocks, btrfs_truncate_block).
func (ino *Inode) ZeroPartialBlocks(t *sched.Task, pos, end int64) errno.Errno {
	if ino.DAX() {
		return ino.DAXZero(t, pos, end)
	}
	bs := ino.Sb.BlockSize
	if pos/bs == end/bs || pos >= end {
		return ino.zeroPart(t, pos, end)
	}
	if err := ino.zeroPart(t, pos, roundUp(pos, bs)); err != errno.OK {
		return err
	}
	return ino.zeroPart(t, roundDown(end, bs), end)
}

// zeroPart zeroes a part of one block, unless it is a hole (ext4_block_zero_page_range).
func (ino *Inode) zeroPart(t *sched.Task, pos, end int64) errno.Errno {
	if pos >= end {
		return errno.OK
	}
	im, err := ino.BeginExtents(t, pos, end-pos, 0)
	if err != errno.OK || im.Type == Hole {
		return err
	}
	f, err := ino.Mapping.GetFolioLocked(t, mm.IndexOf(pos))
	if err != errno.OK {
		return err
	}
	defer f.Unlock(t)
	if ino.Hooks.StableFolios() {
		f.WaitWriteback(t)
	}
	if im, err = ino.Hooks.Begin(t, ino, pos, end-pos, ForWrite); err == errno.OK {
		err = ino.prepareBlocks(t, f, im, pos, end, false)
	}
	if err != errno.OK {
		return err
	}
	t.Step("folio_zero_range", f.Obj())
	zero(f, pos, end)
	ino.writeEnd(t, f, pos, end-pos, end-pos)
	return errno.OK
}

// Unshare gives the file blocks of its own for what it shares of [pos, end), by making the cache over them dirty
// (iomap_file_unshare). The caller holds IRwsem and InvalidateLock exclusively.
func (ino *Inode) Unshare(t *sched.Task, pos, end int64) errno.Errno {
	for end = min(end, ino.ReadISize(t)); pos < end; {
		im, err := ino.Hooks.Begin(t, ino, pos, end-pos, ForWrite|ForUnshare)
		if err != errno.OK {
			return err
		}
		if !im.Shared || im.Source().Type != Mapped {
			pos = im.End()
			continue
		}
		if pos, err = ino.unshareFolio(t, im); err != errno.OK {
			return err
		}
	}
	return errno.OK
}

func (ino *Inode) unshareFolio(t *sched.Task, im Iomap) (int64, errno.Errno) {
	pos := im.Off
	f, err := ino.Hooks.GetFolio(t, ino, pos, im.Len)
	if err != errno.OK {
		return pos, err
	}
	if !ino.valid(t, im) {
		ino.putFolio(t, f, pos, 0, pos)
		return pos, errno.OK
	}
	n := min(im.End(), f.End()) - pos
	if err = ino.prepareBlocks(t, f, im, pos, pos+n, true); err == errno.OK {
		ino.writeEnd(t, f, pos, n, n)
	}
	ino.putFolio(t, f, pos, n, pos)
	return pos + n, err
}
