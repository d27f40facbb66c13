package fs

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// A direct write that finds its range cached again must fall back, a direct read need not.
func TestBtrfsDirectWriteFallsBackWhenTheRangeIsCachedAgain(t *testing.T) {
	onInode(t, func(t *sched.Task, _ *gfs2, ino *iomap.Inode) {
		b := newBtrfs(Options{NoDatasum: true})
		ino.SetISize(t, mm.PageSize)
		begin := func(flags iomap.BeginFlags) errno.Errno {
			im, err := b.Begin(t, ino, 0, mm.PageSize, flags)
			if err == errno.OK && flags&iomap.ForDirect != 0 {
				b.DirectEnd(t, ino, im, 0, flags&iomap.ForWrite != 0)
				b.Drain(t, ino)
			}
			return err
		}
		must(begin(iomap.ForDirect|iomap.ForWrite) == errno.OK, "nothing cached")
		ino.Mapping.Read(t, make([]byte, 1), 0, false)
		must(begin(iomap.ForDirect|iomap.ForWrite) == errno.ENOTBLK, "cached again")
		must(begin(iomap.ForDirect) == errno.OK, "read")
		must(begin(iomap.ForWrite) == errno.OK, "buffered")
	})
}
