package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// ext4 follows fs/ext4/file.c: buffered reads take no lock, direct reads share IRwsem; direct writes share it if they
// neither extend the file nor allocate. A direct write that cannot be done directly is written through the cache, flushed and
// invalidated.
type ext4 struct {
	base
	options Options
	journal *journal // of data=journal; made at its first use
}

func newExt4(o Options) *ext4 { return &ext4{options: o} }

// shouldUseDio is ext4_should_use_dio.
func (e *ext4) shouldUseDio(ino *iomap.Inode) bool {
	_, inline := ino.Inline()
	return !inline && !ino.Journalled
}

func (e *ext4) Name() string { return "ext4" }

// ReadIter is ext4_file_read_iter.
func (e *ext4) ReadIter(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if ino.DAX() {
		return daxRead(t, ino, k)
	}
	if !k.Direct {
		return ino.Mapping.ReadIter(t, k.Buf, k.Pos, k.Nowait, false)
	}
	if !lock(t, ino, true, k.Nowait) {
		return 0, errno.EAGAIN
	}
	if !e.shouldUseDio(ino) {
		ino.IRwsem.RUnlock(t)
		return ino.Mapping.ReadIter(t, k.Buf, k.Pos, k.Nowait, false)
	}
	defer ino.IRwsem.RUnlock(t)
	return ino.DioRW(t, k, false, 0)
}

// WriteIter is ext4_file_write_iter with the fallback of ext4_dio_write_iter.
func (e *ext4) WriteIter(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if ino.DAX() {
		return daxWrite(t, ino, k)
	}
	if !k.Direct || !e.shouldUseDio(ino) {
		return e.bufferedWrite(t, ino, k)
	}
	n, err := e.directWrite(t, ino, k)
	if err != errno.OK || n == k.Len() {
		return n, err
	}
	// The bytes written directly are lost from the count if the buffered part fails; they are on the disk all the same.
	buffered, err := e.bufferedWrite(t, ino, restOf(ino, k, n))
	if err != errno.OK && !ino.Sb.Mutants.Has(mutant.FallbackHidesError) {
		return 0, err
	}
	return directWriteFallback(t, ino, k, n, buffered, err)
}

// directWrite is ext4_dio_write_iter up to the fallback, which a short result asks for.
func (e *ext4) directWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	length := k.Len()
	if (k.Pos|length)%iomap.SectorSize != 0 {
		return 0, errno.EINVAL
	}
	unaligned := (k.Pos|length)%ino.Sb.BlockSize != 0
	if !lock(t, ino, true, k.Nowait) {
		return 0, errno.EAGAIN
	}
	extend, overwrite, written := e.classify(t, ino, k)
	sharesBlocks := ino.Sb.Release >= ext4SharesUnaligned
	shared := !extend && overwrite && (!unaligned || (written && sharesBlocks))
	if !shared {
		ino.IRwsem.RUnlock(t)
		if k.Nowait && (!extend || sharesBlocks) {
			return 0, errno.EAGAIN
		}
		if !lock(t, ino, false, k.Nowait) {
			return 0, errno.EAGAIN
		}
		extend, overwrite, written = e.classify(t, ino, k)
	}
	defer unlock(t, ino, shared)
	flags := iomap.DioFlags(0)
	if extend || (unaligned && !shared) {
		flags = iomap.DioForceWait
	}
	if unaligned && !shared && !(overwrite && written && sharesBlocks) {
		ino.DioWait(t)
	}
	n, err := ino.DioRW(t, k, true, flags)
	if fallsBack(ino, err, mutant.Ext4LeaksENOTBLK) {
		return 0, errno.OK
	}
	return n, err
}

// The releases that let direct writes of ext4 share i_rwsem which had it for themselves before: over blocks that are allocated and hold no
// data, "ext4: dio take shared inode lock when overwriting preallocated blocks"; within a block that holds data, "ext4: allow concurrent
// unaligned dio overwrites". Since the latter a write with NOWAIT does not take the lock for itself to extend the file, either.
const ext4SharesUnwritten, ext4SharesUnaligned iomap.Version = 603, 605

// classify says what a direct write needs (ext4_dio_write_checks, ext4_overwrite_io): whether it extends the file, whether all its
// blocks are allocated, and whether all of them hold data.
func (e *ext4) classify(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (extend, overwrite, written bool) {
	extend, overwrite, written = k.End() > ino.ReadISize(t), true, true
	for pos := k.Pos; pos < k.End() && overwrite; {
		im, _ := ino.BeginExtents(t, pos, k.End()-pos, 0)
		overwrite = im.Type == iomap.Mapped || (im.Type.Allocated() && ino.Sb.Release >= ext4SharesUnwritten)
		written = written && im.Type == iomap.Mapped
		pos = im.End()
	}
	return extend, overwrite, written && overwrite
}

// writesWaitForDio is the first release whose buffered writes wait for direct I/O in flight, which would otherwise race with
// the dirtying of the same blocks: "ext4: drain in-flight DIO before buffered write fallback", in 6.12.110, 6.1.188 and 7.2.13. Older point
// releases of those series do not wait, nor do series that had ended by then: neverWaits up to waitAgain.
const writesWaitForDio, neverWaits, waitAgain iomap.Version = 601, 613, 618

// bufferedWrite is ext4_buffered_write_iter.
func (e *ext4) bufferedWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if !lock(t, ino, false, k.Nowait) {
		return 0, errno.EAGAIN
	}
	if r := ino.Sb.Release; r >= writesWaitForDio && (r < neverWaits || r >= waitAgain) {
		ino.DioWait(t)
	}
	old := ino.ReadISize(t)
	n, err := ino.BufferedWrite(t, k)
	if err == errno.OK && old < k.Pos {
		err = e.zeroOldEOF(t, ino, old, k.Pos)
	}
	ino.IRwsem.Unlock(t)
	if err != errno.OK {
		return 0, err
	}
	return writeSync(t, ino, k, n)
}

// Truncate is ext4_setattr: only shrinking waits for direct I/O, and it does so before it takes invalidate_lock.
func (e *ext4) Truncate(t *sched.Task, ino *iomap.Inode, size int64) errno.Errno {
	ino.IRwsem.Lock(t)
	defer ino.IRwsem.Unlock(t)
	if size < ino.ReadISize(t) {
		ino.TruncateDioWait(t)
	}
	ino.Mapping.InvalidateLock.Lock(t)
	defer ino.Mapping.InvalidateLock.Unlock(t)
	breakLayouts(t, ino)
	return e.setISize(t, ino, size)
}

// setISize is the rest of ext4_setattr. A file that shrinks loses its size and cache first, and then the rest of its last block
// is zeroed (ext4_truncate).
func (e *ext4) setISize(t *sched.Task, ino *iomap.Inode, size int64) errno.Errno {
	if err := ino.UninlineFor(t, size); err != errno.OK {
		return err
	}
	old := ino.ReadISize(t)
	if size > old {
		return resize(t, ino, size)
	}
	ino.SetISize(t, size)
	ino.Mapping.TruncatePagecache(t, size)
	bs := ino.Sb.BlockSize
	if err := ino.ZeroPartialBlocks(t, size, (size+bs-1)/bs*bs); err != errno.OK {
		return err
	}
	commitSize(t, ino, old, size)
	return errno.OK
}

// zeroOldEOF zeroes what a mapping may have stored behind the old end of file in its block, which a write further on has made
// visible (ext4_zero_partial_blocks in ext4's write_end).
func (e *ext4) zeroOldEOF(t *sched.Task, ino *iomap.Inode, old, pos int64) errno.Errno {
	if ino.Sb.Release < ext4ZeroesEOF || ino.Sb.Mutants.Has(mutant.Ext4NoEOFZeroing) {
		return errno.OK
	}
	bs := ino.Sb.BlockSize
	return ino.ZeroPartialBlocks(t, old, min(pos, (old+bs-1)/bs*bs))
}
