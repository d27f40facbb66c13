package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// Fallocate is the common form: see fallocate.
func (base) Fallocate(t *sched.Task, ino *iomap.Inode, mode Mode, off, n int64) errno.Errno {
	if err := checkFallocate(mode, off, n); err != errno.OK {
		return err
	}
	return fallocate(t, ino, mode, off, n)
}

// Fallocate is xfs_file_fallocate. Of the filesystems here only xfs unshares.
func (xfs) Fallocate(t *sched.Task, ino *iomap.Inode, mode Mode, off, n int64) errno.Errno {
	known := mode
	if mode&^KeepSize == UnshareRange {
		known = KeepSize
	}
	if err := checkShift(known, off, n); err != errno.OK {
		return err
	}
	return fallocate(t, ino, mode, off, n)
}

// Fallocate is ext4_fallocate: direct I/O is waited for before invalidate_lock is taken, so that page faults go on meanwhile
// (ext4_punch_hole, ext4_zero_range).
func (*ext4) Fallocate(t *sched.Task, ino *iomap.Inode, mode Mode, off, n int64) errno.Errno {
	if err := checkShift(mode, off, n); err != errno.OK {
		return err
	}
	ino.IRwsem.Lock(t)
	defer ino.IRwsem.Unlock(t)
	fallocateDioWait(t, ino)
	ino.Mapping.InvalidateLock.Lock(t)
	defer ino.Mapping.InvalidateLock.Unlock(t)
	breakLayouts(t, ino)
	return fallocateLocked(t, ino, mode, off, off+n)
}

// fallocate excludes everything, drains direct I/O, and does what the mode says.
func fallocate(t *sched.Task, ino *iomap.Inode, mode Mode, off, n int64) errno.Errno {
	ino.IRwsem.Lock(t)
	defer ino.IRwsem.Unlock(t)
	ino.Mapping.InvalidateLock.Lock(t)
	defer ino.Mapping.InvalidateLock.Unlock(t)
	breakLayouts(t, ino)
	fallocateDioWait(t, ino)
	return fallocateLocked(t, ino, mode, off, off+n)
}

// fallocateDioWait is the inode_dio_wait of ->fallocate, which a mutant leaves out.
func fallocateDioWait(t *sched.Task, ino *iomap.Inode) {
	if !ino.Sb.Mutants.Has(mutant.FallocNoDioWait) {
		ino.DioWait(t)
	}
}

func checkFallocate(mode Mode, off, n int64) errno.Errno {
	if off < 0 || n <= 0 {
		return errno.EINVAL
	}
	switch mode {
	case Allocate, KeepSize, PunchHole | KeepSize, ZeroRange, ZeroRange | KeepSize:
		return errno.OK
	}
	return errno.EOPNOTSUPP
}

// fallocateLocked does what the mode says, with everything excluded that the filesystem wants excluded.
func fallocateLocked(t *sched.Task, ino *iomap.Inode, mode Mode, off, end int64) errno.Errno {
	return fallocateBy(t, ino, mode, off, end, ino.Preallocate)
}

// fallocateBy is fallocateLocked with the filesystem's way to allocate blocks that read as zeros.
func fallocateBy(t *sched.Task, ino *iomap.Inode, mode Mode, off, end int64, allocate func(t *sched.Task, off, end int64) errno.Errno) errno.Errno {
	if err := ino.Uninline(t); err != errno.OK {
		return err
	}
	if mode.isShift() {
		return shift(t, ino, mode, off, end-off)
	}
	if mode == UnshareRange || mode == UnshareRange|KeepSize {
		return ino.Unshare(t, off, end)
	}
	if mode&(PunchHole|ZeroRange) != 0 {
		if err := freeFileSpace(t, ino, off, end); err != errno.OK {
			return err
		}
	}
	if mode&PunchHole != 0 {
		return errno.OK
	}
	if err := allocate(t, off, end); err != errno.OK {
		return err
	}
	if mode&KeepSize != 0 || end <= ino.ReadISize(t) {
		return errno.OK
	}
	if err := setSize(t, ino, end); err != errno.OK {
		return err
	}
	ino.SetDiskSize(t, end)
	return errno.OK
}

// freeFileSpace takes the blocks of a range away (xfs_free_file_space): the cache is written back and dropped, whole
// blocks are freed, the rest is zeroed.
func freeFileSpace(t *sched.Task, ino *iomap.Inode, off, end int64) errno.Errno {
	bs := ino.Sb.BlockSize
	if err := ino.Mapping.WriteAndWaitRange(t, off, end); err != errno.OK {
		return err
	}
	ino.Hooks.Drain(t, ino) // what is written back may not have got its blocks yet (btrfs_punch_hole_lock_range)
	ino.Mapping.TruncatePagecacheRange(t, off, end)
	ino.FreeBlocks(t, off, end)
	first, last := (off+bs-1)/bs*bs, end/bs*bs
	if first > last { // within one block
		return ino.Hooks.ZeroRange(t, ino, off, min(end, ino.ReadISize(t)))
	}
	if err := ino.Hooks.ZeroRange(t, ino, off, min(first, ino.ReadISize(t))); err != errno.OK {
		return err
	}
	return ino.Hooks.ZeroRange(t, ino, last, min(end, ino.ReadISize(t)))
}

// setSize changes the size in memory (xfs_setattr_size from its zeroing on, truncate_setsize). What becomes visible reads as zeros,
// and what lies behind the new end in its block is zeroed; then the size moves, and the cache behind it goes.
func setSize(t *sched.Task, ino *iomap.Inode, size int64) errno.Errno {
	old := ino.ReadISize(t)
	if size > old {
		if err := ino.Hooks.ZeroRange(t, ino, old, size); err != errno.OK {
			return err
		}
		ino.SetISize(t, size)
		ino.ExtendCache(t, old, size)
		return errno.OK
	}
	if err := ino.TruncatePage(t, size); err != errno.OK {
		return err
	}
	ino.SetISize(t, size)
	ino.Mapping.TruncatePagecache(t, size)
	return errno.OK
}

// commitSize is the transaction that follows: the size on disk, and the blocks behind it freed. A file that grows keeps what is
// allocated behind its end.
func commitSize(t *sched.Task, ino *iomap.Inode, old, size int64) {
	ino.SetDiskSize(t, size)
	if size <= old {
		ino.FreeBlocks(t, size, mm.EOF)
	}
}

// resize is both, for filesystems that do nothing in between.
func resize(t *sched.Task, ino *iomap.Inode, size int64) errno.Errno {
	old := ino.ReadISize(t)
	if err := setSize(t, ino, size); err != errno.OK {
		return err
	}
	commitSize(t, ino, old, size)
	return errno.OK
}
