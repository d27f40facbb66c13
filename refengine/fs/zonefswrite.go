package fs

import (
	"slices"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// directWrite is zonefs_file_dio_write. A write of a sequential zone must begin at the write pointer, which moves when the write is
// submitted and not when it is done: otherwise nothing could be written asynchronously. A write that fails moves it back.
func (z *zonefs) directWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	zn := z.zones[ino]
	if zn != nil && !k.Sync() && k.Nowait {
		return 0, errno.EOPNOTSUPP // it might be carried out in another order
	}
	if !lock(t, ino, false, k.Nowait) {
		return 0, errno.EAGAIN
	}
	defer ino.IRwsem.Unlock(t)
	if (k.Pos|k.Len())%ino.Sb.BlockSize != 0 {
		return 0, errno.EINVAL
	}
	if zn == nil {
		n, err := ino.DioRW(t, k, true, 0)
		return n, z.busy(ino, err)
	}
	if !zn.reserve(t, ino, k) {
		return 0, errno.EINVAL
	}
	if k.Sync() && (ino.Sb.Release < invalidatesAppends || ino.Sb.Mutants.Has(mutant.ZonefsAppendKeepsCache)) {
		return z.append(t, ino, k)
	}
	n, err := ino.DioRW(t, k, true, 0)
	if err != errno.OK && err != errno.EIOCBQUEUED {
		zn.recover(t, ino)
	}
	return n, z.busy(ino, err)
}

// busy turns the kernel's internal error into one that an application can make sense of.
func (z *zonefs) busy(ino *iomap.Inode, err errno.Errno) errno.Errno {
	if err == errno.ENOTBLK && ino.Sb.Release >= returnsEBUSY && !ino.Sb.Mutants.Has(mutant.ZonefsLeaksENOTBLK) {
		return errno.EBUSY
	}
	return err
}

// reserve moves the write pointer over a write that begins at it; false says that the write does not.
func (zn *zone) reserve(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) bool {
	t.Step("zonefs_file_dio_write", zn.obj)
	if k.Pos != zn.pointer {
		return false
	}
	if !ino.Sb.Mutants.Has(mutant.ZonefsPointerStays) {
		zn.pointer = k.End()
	}
	return true
}

// recover takes the write pointer from the disk after an error (zonefs_io_error).
func (zn *zone) recover(t *sched.Task, ino *iomap.Inode) {
	if ino.Sb.Mutants.Has(mutant.ZonefsPointerNotRecovered) {
		return
	}
	t.Step("zonefs_io_error", zn.obj)
	zn.pointer, zn.done = zn.written, nil
}

// append is zonefs_file_dio_append, the way of synchronous writes before iomap could do zone append: one request, and the cache
// not looked at.
func (z *zonefs) append(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	data := make([]byte, k.Len())
	if k.Buf.CopyFrom(t, 0, data, 0, false) < k.Len() {
		z.zones[ino].recover(t, ino)
		return 0, errno.EFAULT
	}
	at := ino.DiskRanges(k.Pos, k.End())[0]
	err := ino.Sb.Disk.SubmitWait(t, &block.Request{Op: block.OpWrite, Range: block.Range{Off: at.Off, End: at.Off + k.Len()}, Data: data, FUA: k.Dsync})
	if err = z.DirectEndIO(t, ino, iomap.DirectResult{Pos: k.Pos, End: k.End(), Write: true, Err: err}); err != errno.OK {
		return 0, err
	}
	return k.Len(), errno.OK
}

// DirectEndIO is zonefs_file_write_dio_end_io: the size of a sequential zone follows what has been written without a gap.
func (z *zonefs) DirectEndIO(t *sched.Task, ino *iomap.Inode, r iomap.DirectResult) errno.Errno {
	zn := z.zones[ino]
	if !r.Write || zn == nil {
		return ino.DirectWriteEndIO(t, r)
	}
	if r.Err != errno.OK {
		zn.recover(t, ino)
		return r.Err
	}
	t.Step("zonefs_file_write_dio_end_io", zn.obj)
	zn.done = append(zn.done, byteRange{r.Pos, r.End})
	slices.SortFunc(zn.done, func(a, b byteRange) int { return int(a.pos - b.pos) })
	for len(zn.done) > 0 && zn.done[0].pos <= zn.written {
		zn.written = max(zn.written, zn.done[0].end)
		zn.done = zn.done[1:]
	}
	size := zn.written
	ino.FinishWrite(t, 0, 0, size)
	ino.RaiseISize(t, size)
	return errno.OK
}
