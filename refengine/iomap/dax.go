package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// SetDAX makes the file's pages the storage itself (S_DAX). The file is empty and in nobody's use; blocks are pages.
func (ino *Inode) SetDAX() { ino.Mapping.DAX = true }

// DAX says whether the file's pages are the storage itself (IS_DAX).
func (ino *Inode) DAX() bool { return ino.Mapping.DAX }

// DAXFault is dax_iomap_pte_fault under the filesystem's locks (__xfs_filemap_fault, ext4_dax_huge_fault): invalidate_lock shared
// keeps the blocks until the page table points at them.
func (h host) DAXFault(t *sched.Task, i mm.Index, write bool, insert func(mem []byte, obj sched.ObjID)) errno.Errno {
	ino := h.ino
	ino.Mapping.InvalidateLock.RLock(t)
	defer ino.Mapping.InvalidateLock.RUnlock(t)
	if i.Pos() >= ino.ReadISize(t) {
		return errno.EFAULT
	}
	im, _, err := ino.daxBegin(t, i.Pos(), mm.PageSize, write)
	if err != errno.OK {
		return errno.EFAULT
	}
	if im.Type != Mapped {
		insert(nil, 0)
		return errno.OK
	}
	mem, obj := ino.Sb.Disk.DirectAccess(t, im.Addr)
	insert(mem, obj)
	return errno.OK
}

// daxBegin maps for a direct access. For a write the blocks come zeroed and mapped, since stores need no completion that could convert
// them (xfs_direct_write_iomap_begin with IS_DAX); fresh says that they are new. Nobody sees them before they are zeroed: the
// filesystem's lock is held over allocation, zeroing and conversion (XFS_BMAPI_ZERO under the ILOCK).
func (ino *Inode) daxBegin(t *sched.Task, pos, length int64, write bool) (im Iomap, fresh bool, err errno.Errno) {
	flags := BeginFlags(0)
	if write {
		flags = ForWrite | ForDirect
	}
	im, err = ino.Hooks.Begin(t, ino, pos, length, flags)
	if err != errno.OK || !write || im.Type == Mapped {
		return im, false, err
	}
	whole := ino.wholeBlocks(im.Extent)
	for off := int64(0); off < whole.Len; off += block.PageSize {
		mem, _ := ino.Sb.Disk.DirectAccess(t, whole.Addr+off)
		clear(mem)
	}
	ino.FinishWrite(t, whole.Off, whole.End(), 0)
	im.Type = Mapped
	return im, true, errno.OK
}

// DAXRead copies from the storage to the caller's memory (dax_iomap_rw). The caller holds IRwsem shared. It returns the bytes
// copied; an error only if there are none.
func (ino *Inode) DAXRead(t *sched.Task, k *Kiocb) (int64, errno.Errno) {
	t.Step("dax_iomap_rw", 0)
	ino.Emit(t, trace.Event{Name: trace.DAXIomapRW, Pos: k.Pos, End: k.End()})
	end := min(k.End(), ino.ReadISize(t))
	for pos := k.Pos; pos < end; {
		im, _, err := ino.daxBegin(t, pos, end-pos, false)
		if err != errno.OK {
			return short(pos-k.Pos, err)
		}
		n := min(im.End(), end) - pos
		got := ino.daxCopy(t, im, pos, n, func(mem []byte, obj sched.ObjID, off int64) int64 {
			if mem == nil {
				return k.Buf.Zero(t, off, n, false)
			}
			return k.Buf.CopyTo(t, off, mem, obj, false)
		}, k.Pos)
		if pos += got; got < n {
			return short(pos-k.Pos, errno.EFAULT)
		}
	}
	return max(end-k.Pos, 0), errno.OK
}

// DAXWrite copies from the caller's memory to the storage (dax_iomap_rw) and raises the size. The caller holds IRwsem
// exclusively. It returns the bytes copied; an error only if there are none.
func (ino *Inode) DAXWrite(t *sched.Task, k *Kiocb) (int64, errno.Errno) {
	t.Step("dax_iomap_rw", 0)
	ino.Emit(t, trace.Event{Name: trace.DAXIomapRW, Pos: k.Pos, End: k.End()})
	pos, err := k.Pos, errno.OK
	for pos < k.End() && err == errno.OK {
		var n int64
		n, err = ino.daxWriteOne(t, k, pos)
		pos += n
	}
	if pos > ino.ReadISize(t) {
		t.Step("i_size_write", ino.obj)
		ino.isize = pos
		ino.FinishWrite(t, k.Pos, pos, pos)
	}
	return short(pos-k.Pos, err)
}

// daxWriteOne writes one mapping's part from pos on. Page tables may have the zero page where blocks are new: it goes first.
func (ino *Inode) daxWriteOne(t *sched.Task, k *Kiocb, pos int64) (int64, errno.Errno) {
	im, fresh, err := ino.daxBegin(t, pos, k.End()-pos, true)
	if err != errno.OK {
		return 0, err
	}
	n := min(im.End(), k.End()) - pos
	if fresh {
		if err := ino.Mapping.InvalidateInodePages2Range(t, pos, pos+n); err != errno.OK {
			return 0, err
		}
	}
	got := ino.daxCopy(t, im, pos, n, func(mem []byte, obj sched.ObjID, off int64) int64 {
		return k.Buf.CopyFrom(t, off, mem, obj, false)
	}, k.Pos)
	if got < n {
		return got, errno.EFAULT
	}
	return n, errno.OK
}

// daxCopy calls do with the storage of [pos, pos+n), page by page, nil for what has none, with what stands for it, and with where in
// the caller's memory it belongs; it ends at the first short copy.
func (ino *Inode) daxCopy(t *sched.Task, im Iomap, pos, n int64, do func(mem []byte, obj sched.ObjID, off int64) int64, start int64) int64 {
	if im.Type != Mapped {
		return do(nil, 0, pos-start)
	}
	for done := int64(0); done < n; {
		addr := im.Addr + pos + done - im.Off
		from := addr % block.PageSize
		t.Step("dax_copy_iter", 0)
		page, obj := ino.Sb.Disk.DirectAccess(t, addr-from)
		mem := page[from:min(int64(len(page)), from+n-done)]
		got := do(mem, obj, pos+done-start)
		if done += got; got < int64(len(mem)) {
			return done
		}
	}
	return n
}

// short is what a read or write returns that ended early: an error only if nothing was done.
func short(n int64, err errno.Errno) (int64, errno.Errno) {
	if n > 0 {
		return n, errno.OK
	}
	return 0, err
}

// DAXZero zeroes [pos, end) in the storage where there is any (dax_zero_range, dax_truncate_page).
func (ino *Inode) DAXZero(t *sched.Task, pos, end int64) errno.Errno {
	for pos < end {
		im, _, err := ino.daxBegin(t, pos, end-pos, false)
		if err != errno.OK {
			return err
		}
		n := min(im.End(), end) - pos
		if im.Type == Mapped {
			ino.daxCopy(t, im, pos, n, func(mem []byte, _ sched.ObjID, _ int64) int64 {
				clear(mem)
				return int64(len(mem))
			}, pos)
		}
		pos += n
	}
	return errno.OK
}
