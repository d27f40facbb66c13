package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// bufferedWrite is a write to the page cache under way; analogous to struct iomap_iter with the iov_iter.
type bufferedWrite struct {
	ino     *Inode
	k       *Kiocb
	done    int64 // bytes of k written
	nofault bool  // under pagefault_disable
	chunk   int64 // the most that is copied at once: halved when a copy brings nothing
	retry   int64 // what a copy that brought nothing got through: the next tries just that; 0 is no limit
}

// BufferedWrite copies a request's data to the page cache (iomap_file_buffered_write). The caller holds IRwsem exclusively. It returns
// the bytes written; an error only if there are none: EFAULT if the memory cannot be read, ENOSPC, EIO.
func (ino *Inode) BufferedWrite(t *sched.Task, k *Kiocb) (int64, errno.Errno) {
	w := &bufferedWrite{ino: ino, k: k}
	return w.run(t)
}

// BufferedWriteNofault is BufferedWrite for a caller that must not fault pages in, since it holds a lock that the fault may need: it
// stops at memory that is not present, with EFAULT if that is at the start (pagefault_disable around it).
func (ino *Inode) BufferedWriteNofault(t *sched.Task, k *Kiocb) (int64, errno.Errno) {
	w := &bufferedWrite{ino: ino, k: k, nofault: true}
	return w.run(t)
}

func (w *bufferedWrite) run(t *sched.Task) (int64, errno.Errno) {
	for w.done < w.k.Len() {
		n, err := w.mapping(t)
		w.done += n
		if err != errno.OK && n == 0 {
			if w.done > 0 {
				err = errno.OK
			}
			return w.done, err
		}
	}
	return w.done, errno.OK
}

// mapping writes through one mapping (one turn of iomap_iter); 0 and OK say that it was stale.
func (w *bufferedWrite) mapping(t *sched.Task) (int64, errno.Errno) {
	ino, pos := w.ino, w.k.Pos+w.done
	im := Iomap{Extent: Extent{Off: pos, Len: w.k.Len() - w.done}}
	if !ino.Hooks.MapsUnderFolio(ino) {
		var err errno.Errno
		if im, err = ino.Hooks.Begin(t, ino, pos, im.Len, ForWrite|w.nowait()); err != errno.OK {
			return 0, err
		}
	}
	w.chunk = mm.PageSize << ino.Sb.FolioOrder
	n, err := w.iter(t, &im)
	if !ino.Hooks.MapsUnderFolio(ino) {
		ino.Hooks.End(t, ino, im, n)
	}
	return n, err
}

func (w *bufferedWrite) nowait() BeginFlags {
	if w.k.Nowait {
		return NoWait
	}
	return 0
}

// iter writes through a mapping folio by folio (iomap_write_iter). An error after some bytes comes again, without bytes, when the
// rest is mapped.
func (w *bufferedWrite) iter(t *sched.Task, im *Iomap) (int64, errno.Errno) {
	pos, n := im.Off, int64(0)
	for n < im.Len {
		got, err := w.piece(t, im, pos+n, im.Len-n)
		n += got
		if err != errno.OK || im.Stale {
			return n, err
		}
		if w.ino.Hooks.MapsUnderFolio(w.ino) {
			im.Off, im.Len = pos, w.k.Len()-w.done // the next folio is mapped anew
		}
	}
	return n, errno.OK
}

// piece writes at most one folio: the memory is faulted in first, since the copy is made with the folio locked, and a fault then
// might need that very folio. What is not present any more when it is copied makes the copy short; the piece is tried again, smaller.
func (w *bufferedWrite) piece(t *sched.Task, im *Iomap, pos, limit int64) (int64, errno.Errno) {
	ino := w.ino
	n := min(w.chunk-pos%w.chunk, limit)
	if w.retry > 0 {
		n, w.retry = min(n, w.retry), 0
	}
	if err := ino.balanceDirty(t, w.k.Nowait); err != errno.OK {
		return 0, err
	}
	if err := w.faultIn(t, pos, n); err != errno.OK {
		return 0, err
	}
	if w.k.Nowait {
		if err := ino.nowaitFolio(t, pos, n); err != errno.OK {
			return 0, err
		}
	}
	f, err := ino.writeBegin(t, im, pos, n)
	if err != errno.OK {
		ino.writeFailed(t, pos, n)
		return 0, err
	}
	if f == nil {
		return 0, errno.OK
	}
	n = min(n, f.End()-pos, im.End()-pos)
	copied := w.copy(t, f, pos, n)
	got := int64(0)
	if ino.writeEnd(t, f, pos, n, copied) {
		got = copied
	}
	ino.finishFolio(t, f, pos, got)
	if got == 0 {
		ino.writeFailed(t, pos, n)
		w.retry = copied
		w.chunk = max(mm.PageSize, w.chunk/2)
	}
	return got, errno.OK
}

func (ino *Inode) balanceDirty(t *sched.Task, nowait bool) errno.Errno {
	if ino.Sb.BalanceDirty == nil {
		return errno.OK
	}
	return ino.Sb.BalanceDirty(t, nowait)
}

// faultIn makes the memory of n bytes from pos present, or says EFAULT if none of it can be had (fault_in_iov_iter_readable);
// before 5.16 if part of it cannot.
func (w *bufferedWrite) faultIn(t *sched.Task, pos, n int64) errno.Errno {
	off := pos - w.k.Pos
	var got int64
	if w.nofault {
		got = w.k.Buf.CopyFrom(t, off, make([]byte, n), 0, true)
	} else {
		got = w.k.Buf.FaultIn(t, off, n, false)
	}
	if got == 0 || (got < n && w.ino.Sb.Release < faultInPart) {
		return errno.EFAULT
	}
	return errno.OK
}

// copy copies to the locked folio without faulting (copy_folio_from_iter_atomic).
func (w *bufferedWrite) copy(t *sched.Task, f *mm.Folio, pos, n int64) int64 {
	t.Step("copy_folio_from_iter_atomic", f.Obj())
	return w.k.Buf.CopyFrom(t, pos-w.k.Pos, f.Data[pos-f.Pos():][:n], f.Obj(), true)
}

// writeEnd makes what was copied count (__iomap_write_end); false if it does not: a short copy into blocks that hold nothing valid
// would leave the rest of them undefined.
func (ino *Inode) writeEnd(t *sched.Task, f *mm.Folio, pos, n, copied int64) bool {
	ino.Emit(t, trace.Event{Name: trace.IomapWriteEnd, Pos: pos, End: pos + n, Ret: copied})
	if copied < n && !f.Uptodate(t) && !ino.Sb.Mutants.Has(mutant.WriteAcceptsShortCopy) {
		return false
	}
	if copied == 0 {
		return false
	}
	ino.setUptodate(t, f, pos, pos+n)
	if !ino.writeInline(t, f, pos, pos+copied) {
		ino.setDirty(t, f, pos, pos+copied)
	}
	return true
}

// finishFolio raises the size over the n bytes written and lets the folio go. The size is raised while the folio is locked, or writeback
// could find the folio wholly behind the end of the file and drop what it holds.
func (ino *Inode) finishFolio(t *sched.Task, f *mm.Folio, pos, n int64) {
	old := ino.ReadISize(t)
	late := ino.Sb.Mutants.Has(mutant.WriteSizeAfterPut)
	if !late {
		ino.growSize(t, pos+n)
		ino.mayStraddle(t, f, old, pos, n)
	}
	ino.putFolio(t, f, pos, n, old)
	if late {
		t.Step("i_size_write", ino.obj)
		ino.growSize(t, pos+n)
	}
}

func (ino *Inode) growSize(t *sched.Task, size int64) {
	if size > ino.ReadISize(t) {
		t.Writes(ino.obj)
		ino.isize = size
	}
}

// putFolio unlocks the folio of a write of n bytes through the filesystem's hook, and prepares the folio of the old end of file
// for what has become visible behind it. Before 6.3 the hook ran after both, on an unlocked folio.
func (ino *Inode) putFolio(t *sched.Task, f *mm.Folio, pos, n, old int64) {
	late, ok := ino.Hooks.(PageDoner)
	if !ok || ino.Sb.hookUnderLock() {
		ino.Hooks.PutFolio(t, ino, f, pos, n)
		ino.ExtendCache(t, old, pos)
		return
	}
	ino.UnlockFolio(t, f)
	ino.ExtendCache(t, old, pos)
	late.PageDone(t, ino, f, pos, n)
}

// UnlockFolio is folio_unlock with its probe: order rules look at it. The event is before the unlocking takes effect.
func (ino *Inode) UnlockFolio(t *sched.Task, f *mm.Folio) {
	ino.Emit(t, trace.Event{Name: trace.FolioUnlock, Pos: f.Pos(), End: f.End()})
	f.Unlock(t)
}
