package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// isShift says whether the mode moves what is behind the range.
func (m Mode) isShift() bool { return m == CollapseRange || m == InsertRange }

// checkShift is checkFallocate for filesystems that move blocks: xfs, ext4, bcachefs. What depends on the size is checked once that
// cannot change.
func checkShift(mode Mode, off, n int64) errno.Errno {
	if mode.isShift() {
		mode = Allocate // alike in what it asks of the range
	}
	return checkFallocate(mode, off, n)
}

// shift is collapse or insert, with everything excluded. Both are of whole blocks within the file (xfs_file_fallocate,
// ext4_collapse_range, ext4_insert_range): EINVAL otherwise.
func shift(t *sched.Task, ino *iomap.Inode, mode Mode, off, n int64) errno.Errno {
	size, bs := ino.ReadISize(t), ino.Sb.BlockSize
	behind := off
	if mode == CollapseRange {
		behind = off + n
	}
	if (off|n)%bs != 0 || behind >= size {
		return errno.EINVAL
	}
	if mode == InsertRange {
		return insert(t, ino, off, n)
	}
	return collapse(t, ino, off, n)
}

// collapse takes [off, off+n) out of the file: first its blocks go, then what is behind moves down, then the size (xfs_collapse_file_space).
func collapse(t *sched.Task, ino *iomap.Inode, off, n int64) errno.Errno {
	if err := ino.PrepareShift(t, off); err != errno.OK {
		return err
	}
	size := ino.ReadISize(t) - n
	ino.FreeBlocks(t, off, off+n)
	ino.ShiftExtents(t, off+n, -n)
	ino.SetISize(t, size)
	ino.Mapping.TruncatePagecache(t, size)
	ino.SetDiskSize(t, size)
	return errno.OK
}

// insert makes a hole of n bytes at off. The file is as long as it will be before anything moves, so that no blocks are behind its
// end if the power fails in between (xfs_insert_file_space).
func insert(t *sched.Task, ino *iomap.Inode, off, n int64) errno.Errno {
	if err := ino.PrepareShift(t, off); err != errno.OK {
		return err
	}
	size := ino.ReadISize(t) + n
	if err := setSize(t, ino, size); err != errno.OK {
		return err
	}
	ino.SetDiskSize(t, size)
	if err := ino.PrepareShift(t, off); err != errno.OK {
		return err
	}
	ino.ShiftExtents(t, off, n)
	return errno.OK
}
