package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// btrfs follows fs/btrfs/direct-io.c, file.c and extent_io.c. Reads and writes lock the range of the file they are at in
// the extent tree. A file with checksums cannot be written directly, since the application may change the buffer under the checksum:
// the direct write goes through the cache and is flushed ("btrfs: always fallback to buffered write if the inode requires
// checksum", 6.15 and 6.12.y).
//
// Blocks are overwritten in place here; that btrfs copies on write is left out. InvalidateLock stands for its i_mmap_lock.
type btrfs struct {
	base
	options Options
	locks   map[*iomap.Inode]*rangeLock
}

func newBtrfs(o Options) *btrfs { return &btrfs{options: o, locks: map[*iomap.Inode]*rangeLock{}} }

func (*btrfs) Name() string { return "btrfs" }

// StableFolios: with or without checksums (btrfs_page_mkwrite, prepare_one_folio).
func (*btrfs) StableFolios() bool { return true }

// extents returns the file's extent lock.
func (b *btrfs) extents(ino *iomap.Inode) *rangeLock {
	r := b.locks[ino]
	if r == nil {
		r = &rangeLock{}
		r.init(ino.Sb.Sched, ino.Name())
		b.locks[ino] = r
	}
	return r
}

// readUnlocked is the first release that unlocks a read's range once its blocks are looked up, and not at its completion
// ("btrfs: do not hold the extent lock for entire read", ac325fc2aad5).
const readUnlocked iomap.Version = 613

// BeginRead waits for direct writes in flight over the range, whose ordered extents are not finished, and locks it
// (btrfs_lock_and_flush_ordered_range, lock_extent_direct). Up to 6.12 the read keeps it: a buffered
// read of the range of a direct read in flight waits, and the other way round.
func (b *btrfs) BeginRead(t *sched.Task, ino *iomap.Inode, pos, end int64) {
	r := b.extents(ino)
	r.lockFinished(t, pos, end)
	if ino.Sb.Release >= readUnlocked {
		r.unlock(pos, end)
	}
}

// EndRead unlocks the range at the read's completion.
func (b *btrfs) EndRead(ino *iomap.Inode, pos, end int64) {
	if ino.Sb.Release < readUnlocked {
		b.extents(ino).unlock(pos, end)
	}
}

// Begin maps for a write with the range locked. A direct write that finds the range cached again, by a fault or a read since the
// invalidation, must not go on: ENOTBLK (lock_extent_direct).
func (b *btrfs) Begin(t *sched.Task, ino *iomap.Inode, pos, length int64, flags iomap.BeginFlags) (iomap.Iomap, errno.Errno) {
	if flags&iomap.ForWrite == 0 {
		return ino.BeginExtents(t, pos, length, flags)
	}
	r := b.extents(ino)
	r.lock(t, pos, pos+length)
	defer r.unlock(pos, pos+length)
	if flags&iomap.ForDirect == 0 {
		return ino.BeginExtents(t, pos, length, flags)
	}
	if ino.Mapping.RangeHasPage(pos, pos+length) {
		return iomap.Iomap{}, errno.ENOTBLK
	}
	im, err := ino.BeginExtents(t, pos, length, flags)
	if err == errno.OK {
		r.order(pos, min(im.End(), pos+length))
	}
	return im, err
}

// EndDirectWrite finishes the ordered extents of a direct write (btrfs_finish_one_ordered), here at once and not on a work queue.
func (b *btrfs) EndDirectWrite(ino *iomap.Inode, pos, end int64) {
	b.extents(ino).finishOrdered(pos, end)
}

// ReadIter is btrfs_file_read_iter: what a direct read cannot do is read through the cache, also when it is misaligned.
func (b *btrfs) ReadIter(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	n, aligned := int64(0), (k.Pos|k.Len())%ino.Sb.BlockSize == 0
	if k.Direct && aligned {
		ino.IRwsem.RLock(t)
		var err errno.Errno
		n, err = ino.DioRW(t, k, false, 0)
		ino.IRwsem.RUnlock(t)
		if err != errno.OK || n == k.Len() || k.Pos+n >= ino.ISize() {
			return n, err
		}
	}
	more, err := ino.Mapping.Read(t, k.Data[n:], k.Pos+n, k.Nowait)
	if n > 0 {
		err = errno.OK
	}
	return n + more, err
}

// WriteIter is btrfs_file_write_iter.
func (b *btrfs) WriteIter(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if k.Direct {
		return b.directWrite(t, ino, k)
	}
	return b.bufferedWrite(t, ino, k)
}

// directWrite is btrfs_direct_write: directly where it can, the rest through the cache, written back and invalidated.
func (b *btrfs) directWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	n := int64(0)
	if aligned := (k.Pos|k.Len())%ino.Sb.BlockSize == 0; aligned && b.options.NoDatasum {
		var err errno.Errno
		if n, err = b.dioWrite(t, ino, k); err != errno.OK && err != errno.ENOTBLK {
			return 0, err
		}
		if n == k.Len() {
			return n, errno.OK
		}
	}
	if k.Nowait {
		return 0, errno.EAGAIN
	}
	rest := k.Rest(n)
	buffered, err := b.bufferedWrite(t, ino, rest)
	return directWriteFallback(t, ino, k, n, buffered, err)
}

func (*btrfs) dioWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	shared := k.End() <= ino.ISize()
	if !lock(t, ino, shared, k.Nowait) {
		return 0, errno.EAGAIN
	}
	if shared && k.End() > ino.ISize() { // a truncate came first: extending needs the lock for itself
		ino.IRwsem.RUnlock(t)
		ino.IRwsem.Lock(t)
		shared = false
	}
	defer unlock(t, ino, shared)
	return ino.DioRW(t, k, true, 0)
}

func (*btrfs) bufferedWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if !lock(t, ino, false, k.Nowait) {
		return 0, errno.EAGAIN
	}
	n, err := ino.BufferedWrite(t, k.Data, k.Pos)
	ino.IRwsem.Unlock(t)
	if err != errno.OK {
		return 0, err
	}
	return writeSync(t, ino, k, n)
}

// Truncate is btrfs_setsize. Shrinking, it sets the size and drops the cache before it waits for direct I/O
// (truncate_setsize, then inode_dio_wait), and takes the blocks away last, with their range locked.
func (b *btrfs) Truncate(t *sched.Task, ino *iomap.Inode, size int64) errno.Errno {
	ino.IRwsem.Lock(t)
	defer ino.IRwsem.Unlock(t)
	if size > ino.ISize() {
		return resize(t, ino, size)
	}
	ino.SetISize(t, size)
	ino.Mapping.TruncatePagecache(t, size)
	ino.TruncateDioWait(t)
	if err := ino.TruncatePage(t, size); err != errno.OK {
		return err
	}
	r := b.extents(ino)
	r.lock(t, size, mm.EOF)
	defer r.unlock(size, mm.EOF)
	commitSize(t, ino, size, size)
	return errno.OK
}
