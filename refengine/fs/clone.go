package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

func (base) Clone(*sched.Task, *iomap.Inode, int64, *iomap.Inode, int64, int64) errno.Errno {
	return errno.EOPNOTSUPP
}

func (xfs) Clone(t *sched.Task, src *iomap.Inode, pos int64, dst *iomap.Inode, dstPos, n int64) errno.Errno {
	return cloneRange(t, src, pos, dst, dstPos, n)
}

func (*btrfs) Clone(t *sched.Task, src *iomap.Inode, pos int64, dst *iomap.Inode, dstPos, n int64) errno.Errno {
	return cloneRange(t, src, pos, dst, dstPos, n)
}

// cloneRange is xfs_file_remap_range: both files locked, their direct I/O drained, the source's data on the disk, the
// destination's out of the cache; then its blocks are replaced.
func cloneRange(t *sched.Task, src *iomap.Inode, pos int64, dst *iomap.Inode, dstPos, n int64) errno.Errno {
	if src.DAX() || dst.DAX() { // xfs_reflink_remap_prep, before DAX and reflink went together (6.0)
		return errno.EINVAL
	}
	first, second := inOrder(src, dst)
	defer lockBoth(t, first, second)()
	size := src.ReadISize(t)
	if n == 0 {
		n = size - pos
	}
	bs := src.Sb.BlockSize
	if toEnd := pos+n == size; (pos|dstPos)%bs != 0 || (n%bs != 0 && !toEnd) || pos+n > size || n < 0 ||
		(n%bs != 0 && dstPos+n < dst.ReadISize(t)) {
		return errno.EINVAL
	}
	mutants := src.Sb.Mutants
	for _, ino := range []*iomap.Inode{src, dst} {
		if !mutants.Has(mutant.CloneNoDioWait) {
			ino.DioWait(t)
		}
	}
	if !mutants.Has(mutant.CloneNoFlush) {
		if err := src.Mapping.WriteAndWaitRange(t, pos, pos+n); err != errno.OK {
			return err
		}
	}
	// Whole folios go: what is beside the range in one of them must be on the disk too.
	unit := int64(mm.PageSize) << dst.Sb.FolioOrder
	from, to := dstPos/unit*unit, (dstPos+n+unit-1)/unit*unit
	if err := dst.Mapping.WriteAndWaitRange(t, from, to); err != errno.OK {
		return err
	}
	src.Hooks.Drain(t, src)
	dst.Hooks.Drain(t, dst)
	if !mutants.Has(mutant.CloneKeepsCache) {
		dst.Mapping.TruncatePagecacheRange(t, from, to)
	}
	src.ShareExtents(t, pos, dst, dstPos, n)
	if dstPos+n > dst.ReadISize(t) {
		dst.RaiseISize(t, dstPos+n)
		dst.SetDiskSize(t, dstPos+n)
	}
	return errno.OK
}

// inOrder returns two files in the order in which their locks are taken; the second is nil if they are one.
func inOrder(a, b *iomap.Inode) (first, second *iomap.Inode) {
	switch {
	case a == b:
		return a, nil
	case b.IRwsem.Obj() < a.IRwsem.Obj():
		return b, a
	}
	return a, b
}

// lockBoth keeps everybody out of both files, until the function it returns is called (xfs_ilock2_io_mmap).
func lockBoth(t *sched.Task, first, second *iomap.Inode) func() {
	first.IRwsem.Lock(t)
	if second != nil {
		second.IRwsem.Lock(t)
	}
	first.Mapping.InvalidateLock.Lock(t)
	if second != nil {
		second.Mapping.InvalidateLock.Lock(t)
	}
	return func() {
		if second != nil {
			second.Mapping.InvalidateLock.Unlock(t)
			second.IRwsem.Unlock(t)
		}
		first.Mapping.InvalidateLock.Unlock(t)
		first.IRwsem.Unlock(t)
	}
}
