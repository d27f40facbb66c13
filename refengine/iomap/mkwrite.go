package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// IomapPageMkwrite prepares a folio for stores through a mapping and returns it locked and dirty (iomap_page_mkwrite). EAGAIN
// means that truncate or invalidation took it: the fault is tried again. The whole folio becomes dirty, also what lies behind the
// end of the file; blocks are reserved only up to it.
func (ino *Inode) IomapPageMkwrite(t *sched.Task, f *mm.Folio) errno.Errno {
	f.Lock(t)
	gone := f.Mapping() != ino.Mapping || f.Pos() >= ino.ReadISize(t)
	if gone && !ino.Sb.Mutants.Has(mutant.MkwriteNoTruncateCheck) {
		f.Unlock(t)
		return errno.EAGAIN
	}
	if ino.Hooks.StableFolios() {
		f.WaitWriteback(t)
	}
	end := min(f.End(), ino.ReadISize(t))
	for pos := f.Pos(); pos < end; {
		im, err := ino.Hooks.Begin(t, ino, pos, end-pos, ForWrite|ForFault)
		if err != errno.OK {
			f.Unlock(t)
			return errno.EFAULT
		}
		pos = im.End()
	}
	ino.addState(t, f)
	f.MarkDirty(t)
	return errno.OK
}
