package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// gfs2 follows fs/gfs2/file.c with lock_nolock: the inode's glock separates direct I/O (deferred) from whoever uses the
// cache, so that a reader waits while a direct write is in flight, and a direct write never finds a page dirtied again. The glock
// must not be held over a page fault, which may need it: user memory is accessed without faulting, and faulted in in between.
//
// There is no delayed allocation and there are no unwritten blocks: a write allocates, and what it does not fill is given back.
// With Options.JournalData data goes through the log: see jdata.go.
type gfs2 struct {
	base
	options Options
	glocks  map[*iomap.Inode]*glock
	journal *journal // made at its first use
}

func newGfs2(o Options) *gfs2 { return &gfs2{options: o, glocks: map[*iomap.Inode]*glock{}} }

func (*gfs2) Name() string { return "gfs2" }

// stuffedMax is how many bytes a stuffed file has at most: a block less the dinode.
func stuffedMax(bs int64) int64 { return bs - 232 }

// InitInode makes a new file stuffed, if files may be.
func (g *gfs2) InitInode(ino *iomap.Inode) {
	ino.Journalled = g.options.JournalData
	if g.options.InlineData {
		ino.MakeInline(stuffedMax(ino.Sb.BlockSize))
	}
}

func (g *gfs2) glock(ino *iomap.Inode) *glock {
	gl := g.glocks[ino]
	if gl == nil {
		gl = newGlock(ino)
		g.glocks[ino] = gl
	}
	return gl
}

// Begin does not allocate for direct writes: a hole is written through the cache, and so is a stuffed file (gfs2_iomap_begin).
func (*gfs2) Begin(t *sched.Task, ino *iomap.Inode, pos, length int64, flags iomap.BeginFlags) (iomap.Iomap, errno.Errno) {
	if flags&iomap.ForDirect == 0 || flags&iomap.ForWrite == 0 {
		if flags&iomap.ForWrite != 0 {
			if err := ino.UninlineFor(t, pos+length); err != errno.OK {
				return iomap.Iomap{}, err
			}
		}
		return ino.BeginExtents(t, pos, length, flags|iomap.AllocNow)
	}
	im, err := ino.BeginExtents(t, pos, length, iomap.ForDirect)
	if err == errno.OK && !im.Type.Allocated() {
		err = errno.ENOTBLK
	}
	return im, err
}

// End is gfs2_iomap_end: blocks that a write has allocated and not filled hold whatever was on the disk, and go.
func (*gfs2) End(t *sched.Task, ino *iomap.Inode, im iomap.Iomap, written int64) {
	if !im.New || written == im.Len || ino.Sb.Mutants.Has(mutant.Gfs2KeepsNewBlocks) {
		return
	}
	bs := ino.Sb.BlockSize
	start, end := (im.Off+written+bs-1)/bs*bs, (im.End()+bs-1)/bs*bs
	if written == 0 {
		start = im.Off / bs * bs
	}
	if start < end {
		ino.Mapping.TruncatePagecacheRange(t, start, end)
		ino.FreeBlocks(t, start, end)
	}
}

// Fault is gfs2_fault.
func (g *gfs2) Fault(t *sched.Task, ino *iomap.Inode, i mm.Index) (*mm.Folio, errno.Errno) {
	gl := g.glock(ino)
	gl.acquire(t, shared)
	defer gl.release(t)
	return ino.Mapping.FilemapFault(t, i)
}

// PageMkwrite is gfs2_page_mkwrite: a store through a mapping needs the glock exclusively, and so waits for direct I/O.
func (g *gfs2) PageMkwrite(t *sched.Task, ino *iomap.Inode, f *mm.Folio) errno.Errno {
	gl := g.glock(ino)
	gl.acquire(t, exclusive)
	defer gl.release(t)
	gl.swPaged = true
	if err := ino.Uninline(t); err != errno.OK {
		return errno.EFAULT
	}
	err := ino.IomapPageMkwrite(t, f)
	if err == errno.OK && ino.Journalled {
		ino.AttachBuffers(t, f)
		iomap.MarkChecked(t, f)
	}
	return err
}

// WriteIter is gfs2_file_write_iter: i_rwsem is held over the direct attempt and the buffered rest, which is synced and
// invalidated.
func (g *gfs2) WriteIter(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if k.Direct && ino.Journalled {
		return 0, errno.EINVAL // open(2) refuses O_DIRECT
	}
	ino.IRwsem.Lock(t) // whether or not it may wait
	defer ino.IRwsem.Unlock(t)
	if !k.Direct {
		n, err := g.bufferedWrite(t, ino, k)
		if err != errno.OK {
			return 0, err
		}
		return writeSync(t, ino, k, n)
	}
	n, err := g.directWrite(t, ino, k)
	if err != errno.OK || n == k.Len() {
		return n, err
	}
	rest := restOf(ino, k, n)
	buffered, err := g.bufferedWrite(t, ino, rest)
	if err == errno.OK && buffered > 0 && !ino.Sb.Mutants.Has(mutant.FallbackNoFlush) {
		// The buffered part is synchronous, whatever the caller asked for: generic_write_sync with IOCB_DSYNC.
		err = ino.Fsync(t, rest.Pos, rest.Pos+buffered, k.WbErr)
	}
	return directWriteFallback(t, ino, k, n, buffered, err)
}

// Truncate is gfs2_setattr and gfs2_setattr_size: the glock's own wait for direct I/O comes before theirs.
func (g *gfs2) Truncate(t *sched.Task, ino *iomap.Inode, size int64) errno.Errno {
	ino.IRwsem.Lock(t)
	defer ino.IRwsem.Unlock(t)
	gl := g.glock(ino)
	gl.acquire(t, exclusive)
	defer gl.release(t)
	ino.TruncateDioWait(t)
	if err := ino.UninlineFor(t, size); err != errno.OK {
		return err
	}
	return resize(t, ino, size)
}

// Fallocate is gfs2_fallocate, which makes room and holes and nothing else, and not in journalled files.
func (g *gfs2) Fallocate(t *sched.Task, ino *iomap.Inode, mode Mode, off, n int64) errno.Errno {
	if err := checkFallocate(mode, off, n); err != errno.OK {
		return err
	}
	if mode&^(PunchHole|KeepSize) != 0 || ino.Journalled {
		return errno.EOPNOTSUPP
	}
	ino.IRwsem.Lock(t)
	defer ino.IRwsem.Unlock(t)
	gl := g.glock(ino)
	gl.acquire(t, exclusive)
	defer gl.release(t)
	return fallocateBy(t, ino, mode, off, off+n, ino.PreallocateZeroed)
}

// bug is a glock that its holder asks for again (BUG in add_to_queue).
func (g *glock) bug(t *sched.Task) {
	g.ino.Oops(t, "kernel BUG at fs/gfs2/glock.c:1403!")
}

// logOf returns the log, made at its first use.
func (g *gfs2) logOf(ino *iomap.Inode) *journal {
	if g.journal == nil {
		g.journal = newJournal(ino.Sb, "gfs2 log_flush", trace.Gfs2LogFlush, true)
	}
	return g.journal
}
