package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// xfs follows fs/xfs/xfs_file.c: readers share IRwsem (the IOLOCK), buffered writers exclude, aligned direct writers share. A
// synchronous direct I/O keeps it to its end, an asynchronous one drops it once it is submitted.
type xfs struct{ base }

func (xfs) Name() string { return "xfs" }

// ReadIter is xfs_file_read_iter.
func (xfs) ReadIter(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if !lock(t, ino, true, k.Nowait) {
		return 0, errno.EAGAIN
	}
	defer ino.IRwsem.RUnlock(t)
	if k.Direct {
		return ino.DioRW(t, k, false, 0)
	}
	return ino.Mapping.Read(t, k.Data, k.Pos, k.Nowait)
}

// WriteIter is xfs_file_write_iter. A direct write that cannot invalidate the cache becomes a buffered one; nothing is
// flushed or invalidated after it: only O_DSYNC makes it durable.
func (x xfs) WriteIter(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if k.Direct {
		n, err := x.directWrite(t, ino, k)
		if err != errno.ENOTBLK {
			return n, err
		}
		k = k.Rest(0)
	}
	return x.bufferedWrite(t, ino, k)
}

// directWrite is xfs_file_dio_write: within sectors only, and a write that does not cover whole blocks first tries without having to
// zero the rest of a block, which would need the lock for itself.
func (x xfs) directWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	length := k.Len()
	if (k.Pos|length)%iomap.SectorSize != 0 {
		return 0, errno.EINVAL
	}
	if (k.Pos|length)%ino.Sb.BlockSize == 0 {
		return x.dioWrite(t, ino, k, true, 0)
	}
	if k.Pos+length <= ino.ISize() {
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
	shared, err := x.writeChecks(t, ino, k, shared)
	defer func() { unlock(t, ino, shared) }()
	if err != errno.OK {
		return 0, err
	}
	if flags&iomap.DioForceWait != 0 {
		ino.DioWait(t)
	}
	return ino.DioRW(t, k, true, flags)
}

// writeChecks is xfs_file_write_checks: a write behind the end of the file zeroes what is between, for which it needs the
// lock for itself and no direct I/O in flight. It returns the mode in which the lock is held now.
func (xfs) writeChecks(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb, shared bool) (bool, errno.Errno) {
	if k.Pos <= ino.ISize() {
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
	old := ino.ISize()
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
		n, err = ino.BufferedWrite(t, k.Data, k.Pos)
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
	ino.TruncateDioWait(t)
	old := ino.ISize()
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
