package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// isizeZeroing is the first release whose pagecache_isize_extended zeroes the bytes behind the old end of file.
const isizeZeroing Version = 613

// BufferedWrite copies data to the page cache (iomap_file_buffered_write). The caller holds IRwsem exclusively. It returns
// the bytes written; an error only if there are none.
func (ino *Inode) BufferedWrite(t *sched.Task, data []byte, pos int64) (int64, errno.Errno) {
	done := int64(0)
	for done < int64(len(data)) {
		n, err := ino.writeMapping(t, data[done:], pos+done)
		done += n
		if err != errno.OK {
			if done > 0 {
				return done, errno.OK
			}
			return 0, err
		}
	}
	return done, errno.OK
}

// writeMapping writes through one mapping, folio by folio (iomap_write_iter); 0 and OK say that the mapping was stale.
func (ino *Inode) writeMapping(t *sched.Task, data []byte, pos int64) (int64, errno.Errno) {
	im, err := ino.Hooks.Begin(t, ino, pos, int64(len(data)), ForWrite)
	if err != errno.OK {
		return 0, err
	}
	done := int64(0)
	for done < im.Len {
		f, err := ino.writeBegin(t, im, pos+done, im.End())
		if f == nil {
			return done, err
		}
		old := ino.isize
		n := min(im.End(), f.End()) - (pos + done)
		t.Step("copy_folio_from_iter_atomic", ino.obj)
		copy(f.Data[pos+done-f.Pos():], data[done:done+n])
		f.MarkUptodate()
		f.MarkDirty()
		// The size is raised while the folio is locked, so that writeback never finds the folio beyond it.
		ino.isize = max(ino.isize, pos+done+n)
		f.Unlock(t)
		if old < pos+done {
			ino.ExtendCache(t, old, pos+done)
		}
		done += n
	}
	return done, errno.OK
}

// ExtendCache prepares the cache for a size that grew from old to size (pagecache_isize_extended).
func (ino *Inode) ExtendCache(t *sched.Task, old, size int64) {
	ino.Mapping.IsizeExtended(t, old, size, ino.Sb.BlockSize, ino.Sb.Release >= isizeZeroing)
}

// writeBegin returns the folio for pos, locked and filled as far as the write to [pos, end) does not (iomap_write_begin). nil
// and OK say that the mapping is stale.
func (ino *Inode) writeBegin(t *sched.Task, im Iomap, pos, end int64) (*mm.Folio, errno.Errno) {
	f := ino.Mapping.GetFolioLocked(t, mm.IndexOf(pos))
	if ino.Hooks.StableFolios() {
		f.WaitWriteback(t)
	}
	if !im.Valid(ino) {
		f.Unlock(t)
		return nil, errno.OK
	}
	if f.Uptodate() || (pos <= f.Pos() && end >= f.End()) {
		return f, errno.OK
	}
	if err := ino.fill(t, f, im); err != errno.OK {
		f.Unlock(t)
		return nil, err
	}
	return f, errno.OK
}

// fill brings a locked folio up to date and waits, keeping it locked (__iomap_write_begin, iomap_read_folio_sync). Within the
// write's own mapping it trusts that mapping's type, as the kernel does: that is why a stale one must not come here.
func (ino *Inode) fill(t *sched.Task, f *mm.Folio, im Iomap) errno.Errno {
	own := ino.wholeBlocks(im.Extent)
	for pos := f.Pos(); pos < f.End(); {
		e := own
		if pos < own.Off || pos >= own.End() {
			other, err := ino.Hooks.Begin(t, ino, pos, f.End()-pos, 0)
			if err != errno.OK {
				return err
			}
			e = other.Extent
		}
		e = e.clip(pos, f.End())
		if pos < own.Off {
			e = e.clip(pos, own.Off)
		}
		if err := ino.fillExtent(t, e, f.Data[pos-f.Pos():][:e.Len]); err != errno.OK {
			return err
		}
		pos = e.End()
	}
	f.MarkUptodate()
	return errno.OK
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

// fillExtent reads one extent's part of a folio; what is not mapped or lies behind the last block of the file is zeros
// (iomap_block_needs_zeroing).
func (ino *Inode) fillExtent(t *sched.Task, e Extent, dst []byte) errno.Errno {
	bs := ino.Sb.BlockSize
	eof := (ino.isize + bs - 1) / bs * bs
	if e.Type != Mapped || e.Off >= eof {
		clear(dst)
		return errno.OK
	}
	n := min(e.Len, eof-e.Off)
	clear(dst[n:])
	return ino.Sb.Disk.SubmitWait(t, &block.Request{
		Op: block.OpRead, Range: block.Range{Off: e.Addr, End: e.Addr + n}, Data: dst[:n],
	})
}

// ZeroRange makes [pos, end) read as zeros through the page cache (iomap_zero_range). It does not move the size. Whether the
// range is dirty is sampled once: a hole or unwritten range with dirty folios over it is flushed, and mapped again.
func (ino *Inode) ZeroRange(t *sched.Task, pos, end int64) errno.Errno {
	m := ino.Mapping
	dirty := m.RangeHas(pos, end, func(f *mm.Folio) bool { return f.Dirty() || f.Writeback() })
	for pos < end {
		im, err := ino.Hooks.Begin(t, ino, pos, end-pos, ForZero)
		if err != errno.OK {
			return err
		}
		if im.Type == Hole || im.Type == Unwritten {
			if !dirty {
				pos = im.End()
				continue
			}
			dirty = false
			if err := m.WriteAndWaitRange(t, pos, end); err != errno.OK {
				return err
			}
			continue
		}
		f, err := ino.writeBegin(t, im, pos, pos)
		if err != errno.OK {
			return err
		}
		if f == nil {
			continue
		}
		n := min(im.End(), f.End()) - pos
		t.Step("folio_zero_range", ino.obj)
		clear(f.Data[pos-f.Pos():][:n])
		f.MarkDirty()
		f.Unlock(t)
		ino.Emit(t, trace.Event{Name: trace.ZeroIter, Pos: pos, End: pos + n})
		pos += n
	}
	return errno.OK
}

// TruncatePage zeroes from pos to the end of its block (iomap_truncate_page).
func (ino *Inode) TruncatePage(t *sched.Task, pos int64) errno.Errno {
	bs := ino.Sb.BlockSize
	if pos%bs == 0 {
		return errno.OK
	}
	return ino.ZeroRange(t, pos, pos-pos%bs+bs)
}

// IomapPageMkwrite prepares a folio for stores through a mapping and returns it locked and dirty (iomap_page_mkwrite). EAGAIN
// means that truncate or invalidation took it: the fault is tried again. The whole folio up to the size becomes dirty.
func (ino *Inode) IomapPageMkwrite(t *sched.Task, f *mm.Folio) errno.Errno {
	f.Lock(t)
	if f.Mapping() != ino.Mapping || f.Pos() >= ino.isize {
		f.Unlock(t)
		return errno.EAGAIN
	}
	if ino.Hooks.StableFolios() {
		f.WaitWriteback(t)
	}
	end := min(f.End(), ino.isize)
	for pos := f.Pos(); pos < end; {
		im, err := ino.Hooks.Begin(t, ino, pos, end-pos, ForWrite|ForFault)
		if err != errno.OK {
			f.Unlock(t)
			return errno.EFAULT
		}
		pos = im.End()
	}
	f.MarkDirty()
	return errno.OK
}
