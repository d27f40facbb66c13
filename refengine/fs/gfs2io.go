package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// gfs2NoFault is the first release that does not fault user memory in while it holds a glock: "gfs2: Fix mmap + page fault
// deadlocks for buffered I/O" and "… for direct I/O", 5.16.
const gfs2NoFault iomap.Version = 516

// faultWindow decides how much of a request to fault in, in bytes; analogous to should_fault_in_pages with its prev_count and
// window_size. As long as requests make progress it is generous, then it is a page.
type faultWindow struct {
	left int64 // bytes of the request that were left the last time, -1 at first
	size int64
	page bool // the window was a single page the last time
}

// generous is the window while there is progress: at least eight pages (nr_dirtied_pause, up to a megabyte).
const generous = 8 * mm.PageSize

// next says whether to fault in and try again for a request of which n bytes from pos are left.
func (w *faultWindow) next(pos, n int64) bool {
	if n == 0 {
		return false
	}
	w.page = w.left == n
	w.size = generous
	if w.page {
		w.size = mm.PageSize
	}
	w.left = n
	w.size -= pos % mm.PageSize
	return true
}

// faultIn makes the window's memory at off present, and says whether there was any.
func (w *faultWindow) faultIn(t *sched.Task, k *iomap.Kiocb, off int64, write bool) bool {
	w.size = k.Buf.FaultIn(t, off, min(w.size, k.Len()-off), write)
	return w.size > 0
}

// bufferedWrite is gfs2_file_buffered_write. The caller holds i_rwsem. Memory is faulted in first, without the glock; the write
// stops where it is not present any more.
func (g *gfs2) bufferedWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	gl := g.glock(ino)
	if ino.Sb.Release < gfs2NoFault || ino.Sb.Mutants.Has(mutant.Gfs2HoldsGlockOverFault) {
		gl.acquire(t, exclusive)
		defer gl.release(t)
		return ino.BufferedWrite(t, k)
	}
	w, done, err := faultWindow{left: -1}, int64(0), errno.OK
	for w.next(k.Pos+done, k.Len()-done) {
		if !w.faultIn(t, k, done, false) {
			err = errno.EFAULT
			break
		}
		var n int64
		gl.acquire(t, exclusive)
		part := k.Rest(done)
		part.Buf = part.Buf.Slice(0, min(w.size, part.Len()))
		if err = clearBeyondEOF(t, ino, part.Pos); err == errno.OK {
			n, err = ino.BufferedWriteNofault(t, part)
		}
		gl.release(t)
		if done += n; err != errno.OK && err != errno.EFAULT {
			break
		}
	}
	if done > 0 {
		err = errno.OK
	}
	return done, err
}

// gfs2ClearsEOF is the first release whose gfs2 clears what a mapping has stored behind the end of file before the file grows over it.
// The source of 6.12.117 has it, and a run on it shows it.
const gfs2ClearsEOF iomap.Version = 612

// clearBeyondEOF is gfs2_clear_beyond_eof: the rest of the page that the file ends in is zeroed before a write at pos behind the end.
func clearBeyondEOF(t *sched.Task, ino *iomap.Inode, pos int64) errno.Errno {
	size := ino.ReadISize(t)
	if _, inline := ino.Inline(); inline || ino.Sb.Release < gfs2ClearsEOF || size >= pos || size%mm.PageSize == 0 {
		return errno.OK
	}
	return ino.ZeroRange(t, size, min(pos, (size/mm.PageSize+1)*mm.PageSize))
}

// ZeroRange zeroes what a truncate lets become visible only since gfs2 does so at all (do_grow → gfs2_clear_beyond_eof).
func (*gfs2) ZeroRange(t *sched.Task, ino *iomap.Inode, pos, end int64) errno.Errno {
	if ino.Sb.Release < gfs2ClearsEOF && pos >= ino.ReadISize(t) {
		return errno.OK
	}
	return ino.ZeroRange(t, pos, end)
}

// gfs2Partial: what has been done before a fault counts where the fault is made good for; before, the fault failed everything.
func gfs2Partial(k *iomap.Kiocb) iomap.DioFlags {
	if k.NoFault {
		return iomap.DioPartial
	}
	return 0
}

// directWrite is gfs2_file_direct_write; a short result sends the rest to the cache, as does writing beyond the end of the file. When
// faulting in brings no progress twice it gives up, since the buffer may be what the write invalidates: "gfs2: Don't get stuck writing page
// onto itself under direct I/O", 6.4 and 6.1.36, which is not told apart from what 5.16 brought.
func (g *gfs2) directWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	gl := g.glock(ino)
	w := faultWindow{left: -1}
	k.NoFault = ino.Sb.Release >= gfs2NoFault
	for {
		gl.acquire(t, deferred)
		if k.End() > ino.ReadISize(t) {
			gl.release(t)
			return k.DoneBefore, errno.OK
		}
		n, err := ino.DioRW(t, k, true, gfs2Partial(k))
		if err == errno.OK && n > 0 {
			k.DoneBefore = n
		}
		left := k.Len() - k.DoneBefore
		enough := w.left == left && w.page
		retry := (err == errno.OK || err == errno.EFAULT) && (n > 0 || err == errno.EFAULT) && k.NoFault && w.next(k.Pos+k.DoneBefore, left)
		gl.release(t)
		if retry && w.faultIn(t, k, k.DoneBefore, false) {
			if !enough {
				continue
			}
			err = errno.OK
		}
		if asksForCache(ino, err) {
			err = errno.OK
		}
		if err != errno.OK {
			return 0, err
		}
		return k.DoneBefore, errno.OK
	}
}

// ReadIter is gfs2_file_read_iter. What is cached is read without the glock first (IOCB_NOIO).
func (g *gfs2) ReadIter(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if k.Direct && ino.Journalled {
		return 0, errno.EINVAL // open(2) refuses O_DIRECT
	}
	if k.Direct {
		return g.directRead(t, ino, k)
	}
	nofault := ino.Sb.Release >= gfs2NoFault
	done, err := ino.Mapping.ReadIter(t, k.Buf, k.Pos, true, nofault)
	if done == k.Len() || (err == errno.EAGAIN && k.Nowait) {
		return done, err
	}
	gl, w := g.glock(ino), faultWindow{left: -1}
	for {
		gl.acquire(t, shared)
		n, err := ino.Mapping.ReadIter(t, k.Buf.Slice(done, k.Len()-done), k.Pos+done, k.Nowait, nofault)
		gl.release(t)
		done += n
		again := (err == errno.EFAULT || n > 0) && nofault && k.Pos+done < ino.ReadISize(t) && w.next(k.Pos+done, k.Len()-done)
		if again && w.faultIn(t, k, done, true) {
			continue
		}
		if done > 0 {
			err = errno.OK
		}
		return done, err
	}
}

// directRead is gfs2_file_direct_read. It does not give up: a buffer that its own invalidation takes away keeps it going for
// ever, until it is killed.
func (g *gfs2) directRead(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	gl, w := g.glock(ino), faultWindow{left: -1}
	k.NoFault = ino.Sb.Release >= gfs2NoFault
	for {
		gl.acquire(t, deferred)
		n, err := ino.DioRW(t, k, false, gfs2Partial(k))
		if err == errno.OK && n > 0 {
			k.DoneBefore = n
		}
		pos := k.Pos + k.DoneBefore
		again := (err == errno.EFAULT || (err == errno.OK && n > 0 && pos < ino.ReadISize(t))) && k.NoFault && w.next(pos, k.End()-pos)
		gl.release(t)
		if again && w.faultIn(t, k, k.DoneBefore, true) {
			continue
		}
		if k.DoneBefore > 0 && err == errno.EFAULT {
			err = errno.OK
		}
		if err != errno.OK {
			return 0, err
		}
		return k.DoneBefore, errno.OK
	}
}
