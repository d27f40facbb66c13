package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// SupportsDAX says whether a filesystem can have files whose pages are the storage.
func SupportsDAX(name string) bool { return name == "xfs" || name == "ext4" }

// daxRead is xfs_file_dax_read and ext4_dax_read_iter, buffered and direct alike.
func daxRead(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if !lock(t, ino, true, k.Nowait) {
		return 0, errno.EAGAIN
	}
	defer ino.IRwsem.RUnlock(t)
	return ino.DAXRead(t, k)
}

// daxWrite is xfs_file_dax_write and ext4_dax_write_iter, buffered and direct alike. What becomes visible between the old end
// of the file and the write is zeroed.
func daxWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if !lock(t, ino, false, k.Nowait) {
		return 0, errno.EAGAIN
	}
	err := errno.OK
	if old := ino.ReadISize(t); k.Pos > old {
		err = ino.DAXZero(t, old, k.Pos)
	}
	n := int64(0)
	if err == errno.OK {
		n, err = ino.DAXWrite(t, k)
	}
	ino.IRwsem.Unlock(t)
	if err != errno.OK {
		return 0, err
	}
	return writeSync(t, ino, k, n)
}

// breakLayouts waits until no page of a DAX file is pinned by I/O to elsewhere, before its blocks may be freed (xfs_break_layouts,
// ext4_break_layouts). The caller holds IRwsem and invalidate_lock exclusively, and does so again when it returns; meanwhile they may have
// been dropped: what may then happen is the story told in the package comment.
func breakLayouts(t *sched.Task, ino *iomap.Inode) {
	sb, m := ino.Sb, ino.Mapping
	if !ino.DAX() || sb.Mutants.Has(mutant.DAXLayoutsNotBroken) {
		return
	}
	if sb.Behaviour.DAXLayouts == iomap.DAXAdmits {
		m.RefuseNewPins(t)
		defer m.AdmitPins(t)
	}
	for f := m.DAXLayoutBusyPage(t, 0, mm.EOF); f != nil; f = m.DAXLayoutBusyPage(t, 0, mm.EOF) {
		waitDAXPage(t, ino, f)
		if sb.Mutants.Has(mutant.DAXBreakNoRetry) {
			return
		}
	}
}

// waitDAXPage waits for one page without the locks that the chosen side of the argument drops (xfs_wait_dax_page).
func waitDAXPage(t *sched.Task, ino *iomap.Inode, f *mm.Folio) {
	how := ino.Sb.Behaviour.DAXLayouts
	if ino.Sb.Mutants.Has(mutant.DAXBreakKeepsLock) {
		how = iomap.DAXKeepsLocks
	}
	if how == iomap.DAXKeepsLocks {
		ino.Mapping.WaitDAXPageIdle(t, f)
		return
	}
	ino.Mapping.InvalidateLock.Unlock(t)
	if how == iomap.DAXDropsAll {
		ino.IRwsem.Unlock(t)
	}
	ino.Mapping.WaitDAXPageIdle(t, f)
	if how == iomap.DAXDropsAll {
		ino.IRwsem.Lock(t)
	}
	ino.Mapping.InvalidateLock.Lock(t)
}

// setDAX makes a file DAX while it is empty (FS_IOC_FSSETXATTR; the kernel waits until the inode has left memory, the model
// wants it before the first byte).
func setDAX(ino *iomap.Inode) errno.Errno {
	if ino.ISize() > 0 || ino.Sb.BlockSize != mm.PageSize {
		return errno.EINVAL
	}
	ino.SetDAX()
	return errno.OK
}

// SetAttr knows DAX.
func (xfs) SetAttr(_ *sched.Task, ino *iomap.Inode, a Attr) errno.Errno {
	if a != DAX {
		return errno.EOPNOTSUPP
	}
	return setDAX(ino)
}
