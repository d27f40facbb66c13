package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// xfs follows fs/xfs/xfs_file.c: readers share IRwsem (the IOLOCK), buffered writers exclude, aligned direct writers share. A
// synchronous direct I/O keeps it to its end, an asynchronous one drops it once it is submitted.
type xfs struct{ base }

func (xfs) Name() string { return "xfs" }

// ReadIter is xfs_file_read_iter.
func (xfs) ReadIter(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if ino.DAX() {
		return daxRead(t, ino, k)
	}
	if !lock(t, ino, true, k.Nowait) {
		return 0, errno.EAGAIN
	}
	defer ino.IRwsem.RUnlock(t)
	if k.Direct {
		return ino.DioRW(t, k, false, 0)
	}
	return ino.Mapping.ReadIter(t, k.Buf, k.Pos, k.Nowait, false)
}

// WriteIter is xfs_file_write_iter. A direct write that cannot invalidate the cache, or that would have to copy a part of a shared
// block, becomes a buffered one, all of it; nothing is flushed or invalidated after it: only O_DSYNC makes it durable.
func (x xfs) WriteIter(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if ino.DAX() {
		return daxWrite(t, ino, k)
	}
	if k.Direct {
		n, err := x.directWrite(t, ino, k)
		if !fallsBack(ino, err, mutant.XfsLeaksENOTBLK) {
			return n, err
		}
		n, err = x.bufferedWrite(t, ino, k.Rest(0))
		if err != errno.OK && ino.Sb.Mutants.Has(mutant.FallbackHidesError) {
			return k.Len(), errno.OK
		}
		return n, err
	}
	return x.bufferedWrite(t, ino, k)
}

// directWrite is xfs_file_dio_write: whole sectors only.
func (x xfs) directWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if (k.Pos|k.Len())%iomap.SectorSize != 0 {
		return 0, errno.EINVAL
	}
	if (k.Pos|k.Len())%ino.Sb.BlockSize != 0 {
		return x.unalignedWrite(t, ino, k)
	}
	return x.dioWrite(t, ino, k, true, 0)
}

// triesOverwrite is the first release whose writes within a block try first without the lock for themselves: "xfs: reduce exclusive
// locking on unaligned dio", 5.12.
const triesOverwrite iomap.Version = 512

// unalignedWrite is xfs_file_dio_write_unaligned. A write that does not cover whole blocks may have to zero the rest of one, and
// so must be alone: first it is tried in the hope that all its blocks hold data.
func (x xfs) unalignedWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if k.End() < ino.ReadISize(t) && ino.Sb.Release >= triesOverwrite {
		n, err := x.dioWrite(t, ino, k, true, iomap.DioOverwriteOnly)
		if err != errno.EAGAIN || k.Nowait {
			return n, err
		}
	}
	if k.Nowait {
		return 0, errno.EAGAIN
	}
	return x.dioWrite(t, ino, k, false, iomap.DioForceWait)
}

func (x xfs) dioWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb, shared bool, flags iomap.DioFlags) (int64, errno.Errno) {
	if !lock(t, ino, shared, k.Nowait) {
		return 0, errno.EAGAIN
	}
	defer func() { unlock(t, ino, shared) }()
	unaligned := (k.Pos|k.Len())%ino.Sb.BlockSize != 0
	if unaligned && ino.Reflinked(t) && !ino.Sb.Mutants.Has(mutant.XfsUnalignedCow) {
		return 0, errno.ENOTBLK
	}
	var err errno.Errno
	if shared, err = x.writeChecks(t, ino, k, shared); err != errno.OK {
		return 0, err
	}
	switch {
	case flags&iomap.DioForceWait != 0:
		if !ino.Sb.Mutants.Has(mutant.XfsUnalignedNoDioWait) {
			ino.DioWait(t)
		}
	case !shared:
		ino.IRwsem.Downgrade(t) // it was taken to zero behind the end of the file only
		shared = true
	}
	return ino.DioRW(t, k, true, flags)
}

// writeChecks is xfs_file_write_checks: a write behind the end of the file zeroes what is between, for which it needs the
// lock for itself and no direct I/O in flight. It returns the mode in which the lock is held now.
func (xfs) writeChecks(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb, shared bool) (bool, errno.Errno) {
	if k.Pos <= ino.ReadISize(t) {
		return shared, errno.OK
	}
	if k.Nowait {
		return shared, errno.EAGAIN
	}
	if shared {
		ino.IRwsem.RUnlock(t)
		ino.IRwsem.Lock(t)
	}
	ino.DioWait(t)
	old := ino.ReadISize(t)
	if k.Pos <= old {
		return false, errno.OK
	}
	ino.Mapping.InvalidateLock.Lock(t)
	defer ino.Mapping.InvalidateLock.Unlock(t)
	return false, ino.ZeroRange(t, old, k.Pos)
}

func (x xfs) bufferedWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if !lock(t, ino, false, k.Nowait) {
		return 0, errno.EAGAIN
	}
	_, err := x.writeChecks(t, ino, k, false)
	n := int64(0)
	if err == errno.OK {
		n, err = ino.BufferedWrite(t, k)
	}
	ino.IRwsem.Unlock(t)
	if err != errno.OK {
		return 0, err
	}
	return writeSync(t, ino, k, n)
}

// Truncate is xfs_vn_setattr_size: the IOLOCK and the MMAPLOCK (invalidate_lock) exclude everything, then direct I/O in
// flight is waited for, whether the file shrinks or grows.
func (xfs) Truncate(t *sched.Task, ino *iomap.Inode, size int64) errno.Errno {
	ino.IRwsem.Lock(t)
	defer ino.IRwsem.Unlock(t)
	ino.Mapping.InvalidateLock.Lock(t)
	defer ino.Mapping.InvalidateLock.Unlock(t)
	breakLayouts(t, ino)
	ino.TruncateDioWait(t)
	old := ino.ReadISize(t)
	if err := setSize(t, ino, size); err != errno.OK {
		return err
	}
	// What was written behind the size on disk must be there before that size moves over it, or a crash shows zeros.
	if disk := ino.DiskSize(); size > disk && old != disk {
		if err := ino.Mapping.WriteAndWaitRange(t, disk, size); err != errno.OK {
			return err
		}
	}
	commitSize(t, ino, old, size)
	return errno.OK
}
