package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// nowaitFolio is what IOCB_NOWAIT makes of a write of n bytes at pos within a folio: EAGAIN where the folio is locked by somebody
// (FGP_NOWAIT in iomap_get_folio), or where a part of it would have to be read first (__iomap_write_begin). A write that covers no whole
// blocks of a folio that is not cached is taken for one that has to read, also where it would only have to zero.
func (ino *Inode) nowaitFolio(t *sched.Task, pos, n int64) errno.Errno {
	whole := pos%ino.Sb.BlockSize == 0 && (pos+n)%ino.Sb.BlockSize == 0
	f := ino.Mapping.Find(t, mm.IndexOf(pos))
	switch {
	case f == nil && whole:
		return errno.OK
	case f == nil || !f.TryLock(t):
		return errno.EAGAIN
	}
	defer f.Unlock(t)
	if !whole && !f.Uptodate(t) {
		return errno.EAGAIN
	}
	return errno.OK
}
