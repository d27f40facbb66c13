package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// gfs2 follows fs/gfs2/file.c with lock_nolock: the inode's glock separates direct I/O (deferred) from whoever uses the
// cache, so that a reader waits while a direct write is in flight, and a direct write never finds a page dirtied again.
type gfs2 struct {
	base
	glocks map[*iomap.Inode]*glock
}

func newGfs2() *gfs2 { return &gfs2{glocks: map[*iomap.Inode]*glock{}} }

func (*gfs2) Name() string { return "gfs2" }

func (g *gfs2) glock(ino *iomap.Inode) *glock {
	gl := g.glocks[ino]
	if gl == nil {
		gl = newGlock(ino)
		g.glocks[ino] = gl
	}
	return gl
}

// Begin does not allocate for direct writes: a hole is written through the cache (gfs2_iomap_begin).
func (*gfs2) Begin(t *sched.Task, ino *iomap.Inode, pos, length int64, flags iomap.BeginFlags) (iomap.Iomap, errno.Errno) {
	if flags&iomap.ForDirect == 0 || flags&iomap.ForWrite == 0 {
		return ino.BeginExtents(t, pos, length, flags)
	}
	im, err := ino.BeginExtents(t, pos, length, iomap.ForDirect)
	if err == errno.OK && !im.Type.Allocated() {
		err = errno.ENOTBLK
	}
	return im, err
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
	return ino.IomapPageMkwrite(t, f)
}

// ReadIter is gfs2_file_read_iter. What is cached is read without the glock first (IOCB_NOIO).
func (g *gfs2) ReadIter(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	gl := g.glock(ino)
	if k.Direct {
		gl.acquire(t, deferred)
		defer gl.release(t)
		return ino.DioRW(t, k, false, 0)
	}
	n, err := ino.Mapping.Read(t, k.Data, k.Pos, true)
	if n == k.Len() || (err == errno.EAGAIN && k.Nowait) {
		return n, err
	}
	gl.acquire(t, shared)
	defer gl.release(t)
	more, err := ino.Mapping.Read(t, k.Data[n:], k.Pos+n, k.Nowait)
	if n > 0 {
		err = errno.OK
	}
	return n + more, err
}

// WriteIter is gfs2_file_write_iter: i_rwsem is held over the direct attempt and the buffered rest, which is synced and
// invalidated.
func (g *gfs2) WriteIter(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if !lock(t, ino, false, k.Nowait) {
		return 0, errno.EAGAIN
	}
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
	rest := k.Rest(n)
	buffered, err := g.bufferedWrite(t, ino, rest)
	return directWriteFallback(t, ino, k, n, buffered, err)
}

// directWrite is gfs2_file_direct_write; 0 sends the write to the cache, as does writing beyond the end of the file.
func (g *gfs2) directWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	gl := g.glock(ino)
	gl.acquire(t, deferred)
	defer gl.release(t)
	if k.End() > ino.ISize() {
		return 0, errno.OK
	}
	n, err := ino.DioRW(t, k, true, 0)
	if err == errno.ENOTBLK {
		return 0, errno.OK
	}
	return n, err
}

// bufferedWrite is gfs2_file_buffered_write. The caller holds i_rwsem.
func (g *gfs2) bufferedWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	gl := g.glock(ino)
	gl.acquire(t, exclusive)
	defer gl.release(t)
	return ino.BufferedWrite(t, k.Data, k.Pos)
}

// Truncate is gfs2_setattr and gfs2_setattr_size: the glock's own wait for direct I/O comes before theirs.
func (g *gfs2) Truncate(t *sched.Task, ino *iomap.Inode, size int64) errno.Errno {
	ino.IRwsem.Lock(t)
	defer ino.IRwsem.Unlock(t)
	gl := g.glock(ino)
	gl.acquire(t, exclusive)
	defer gl.release(t)
	ino.TruncateDioWait(t)
	return resize(t, ino, size)
}

// Fallocate is gfs2_fallocate.
func (g *gfs2) Fallocate(t *sched.Task, ino *iomap.Inode, mode Mode, off, n int64) errno.Errno {
	if err := checkFallocate(mode, off, n); err != errno.OK {
		return err
	}
	ino.IRwsem.Lock(t)
	defer ino.IRwsem.Unlock(t)
	gl := g.glock(ino)
	gl.acquire(t, exclusive)
	defer gl.release(t)
	return fallocateLocked(t, ino, mode, off, off+n)
}
