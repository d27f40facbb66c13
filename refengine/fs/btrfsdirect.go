package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// The releases that changed btrfs' direct I/O.
const (
	// faultsDisabled: "btrfs: fix deadlock due to page faults during direct IO reads and writes".
	faultsDisabled iomap.Version = 516
	// sumsAreBuffered and sumsAreBounced bound the releases that write checksummed files through the cache; the stable series of 6.12 does
	// so too, from 6.12.77.
	sumsAreBuffered, sumsAreBounced iomap.Version = 615, 703
)

// directBegin is btrfs_dio_iomap_begin. A write gets new blocks and an ordered extent, and the size is raised at once, so
// that buffered readers see it when the range is unlocked.
func (b *btrfs) directBegin(t *sched.Task, ino *iomap.Inode, pos, length int64, flags iomap.BeginFlags) (iomap.Iomap, errno.Errno) {
	f, write := b.file(ino), flags&iomap.ForWrite != 0
	if !write && flags&iomap.NoWait != 0 && length > mm.PageSize {
		return iomap.Iomap{}, errno.EAGAIN
	}
	if err := b.lockDirect(t, ino, pos, pos+length, flags); err != errno.OK {
		return iomap.Iomap{}, err
	}
	im, err := ino.BeginExtents(t, pos, length, flags|f.cow())
	if err == errno.OK && (im.Type == iomap.Inline || f.attr&Compressed != 0) {
		err = errno.ENOTBLK // there is more to it than blocks: let the cache do it
	}
	if err != errno.OK {
		f.unlockDirect(t, ino, pos, pos+length)
		return im, err
	}
	im.Len = min(im.Len, length)
	if !write {
		f.keepRead(t, ino, im, pos+length)
		return im, errno.OK
	}
	f.extents.order(t, pos, im.End(), true)
	if size := ino.ReadISize(t); im.End() > size {
		if f.raised < 0 {
			f.raised = size
		}
		ino.RaiseISize(t, im.End())
	}
	f.unlockDirect(t, ino, pos, pos+length)
	if ino.Sb.Mutants.Has(mutant.BtrfsOrderedBeforeData) {
		b.queueFinish(ino, pos, im.End(), errno.OK)
	}
	return im, errno.OK
}

// queueFinish leaves a part of a direct write's ordered extent to the work queue.
func (b *btrfs) queueFinish(ino *iomap.Inode, pos, end int64, e errno.Errno) {
	ino.Sb.IoendWorkqueue.Queue(func(t *sched.Task) { b.finishDirect(t, ino, pos, end, e) })
}

// lockDirect is lock_extent_direct: the range locked, no ordered extent in it, and for a write nothing cached, which a fault or a
// read may have brought in since the invalidation. What could be done about that here, writing back and invalidating once more, can
// deadlock with readahead that waits for an ordered extent of this very request: ENOTBLK.
func (b *btrfs) lockDirect(t *sched.Task, ino *iomap.Inode, pos, end int64, flags iomap.BeginFlags) errno.Errno {
	f, write, nowait := b.file(ino), flags&iomap.ForWrite != 0, flags&iomap.NoWait != 0
	giveUp := errno.ENOTBLK
	if nowait {
		giveUp = errno.EAGAIN
	}
	if !f.lockDio(t, ino, pos, end, nowait) {
		return errno.EAGAIN
	}
	for {
		if nowait && !f.extents.tryLock(t, pos, end) {
			f.unlockDio(t, ino, pos, end)
			return errno.EAGAIN
		} else if !nowait {
			f.extents.lock(t, pos, end)
		}
		ordered, found := f.extents.hasOrdered(pos, end)
		if found && ino.Sb.Mutants.Has(mutant.BtrfsReadsIgnoreOrdered) && !write {
			found = false
		}
		if !found && !(write && ino.Mapping.RangeHasPage(t, pos, end)) {
			return errno.OK
		}
		f.extents.unlock(t, pos, end)
		if !found || nowait || (!write && !ordered.direct) {
			// A read that waited for a buffered write could deadlock with it on folio locks.
			f.unlockDio(t, ino, pos, end)
			return giveUp
		}
		f.extents.waitOrdered(t, ordered.pos, ordered.end)
	}
}

// lockDio takes the lock among direct I/Os, which kernels have that do not keep the extent lock over reads.
func (f *btrfsInode) lockDio(t *sched.Task, ino *iomap.Inode, pos, end int64, nowait bool) bool {
	if ino.Sb.Release < readUnlocked {
		return true
	}
	if nowait {
		return f.dio.tryLock(t, pos, end)
	}
	f.dio.lock(t, pos, end)
	return true
}

func (f *btrfsInode) unlockDio(t *sched.Task, ino *iomap.Inode, pos, end int64) {
	if ino.Sb.Release >= readUnlocked {
		f.dio.unlock(t, pos, end)
	}
}

func (f *btrfsInode) unlockDirect(t *sched.Task, ino *iomap.Inode, pos, end int64) {
	f.extents.unlock(t, pos, end)
	f.unlockDio(t, ino, pos, end)
}

// keepRead keeps the mapping's part of the range locked for a read, up to its completion.
func (f *btrfsInode) keepRead(t *sched.Task, ino *iomap.Inode, im iomap.Iomap, end int64) {
	if ino.Sb.Release >= readUnlocked {
		f.extents.unlock(t, im.Off, end)
	}
	if im.End() < end {
		f.readLock(ino).unlock(t, im.End(), end)
	}
}

// readLock returns what a direct read in flight keeps locked.
func (f *btrfsInode) readLock(ino *iomap.Inode) *rangeLock {
	if ino.Sb.Release >= readUnlocked {
		return &f.dio
	}
	return &f.extents
}

// DirectEnd is btrfs_dio_iomap_end: what was not submitted is given up, and left to the cache.
func (b *btrfs) DirectEnd(t *sched.Task, ino *iomap.Inode, im iomap.Iomap, done int64, write bool) errno.Errno {
	f, pos := b.file(ino), im.Off+done
	hole := !write && im.Type != iomap.Mapped
	if hole {
		pos = im.Off // no request will unlock it
	}
	if pos == im.End() {
		return errno.OK
	}
	if !write {
		f.readLock(ino).unlock(t, pos, im.End())
	} else {
		f.revertISize(t, ino, pos)
		b.queueFinish(ino, pos, im.End(), errno.EIO)
	}
	if hole {
		return errno.OK
	}
	return errno.ENOTBLK
}

// takesSizeBack is the first release that does so: "btrfs: fix corruption after buffer fault in during direct IO append write", 6.11
// and 6.1.y. 5.10.223 does not.
const takesSizeBack iomap.Version = 601

// revertISize takes back a size that was raised for bytes that are not written in the end. IRwsem is held exclusively.
func (f *btrfsInode) revertISize(t *sched.Task, ino *iomap.Inode, end int64) {
	if f.raised < 0 || ino.Sb.Release < takesSizeBack || ino.Sb.Mutants.Has(mutant.BtrfsKeepsISize) {
		return
	}
	if size := max(f.raised, end); size < ino.ReadISize(t) {
		ino.SetISize(t, size)
	}
}

// DirectBioDone is btrfs_dio_end_io.
func (b *btrfs) DirectBioDone(t *sched.Task, ino *iomap.Inode, pos, end int64, write bool, e errno.Errno) {
	if !write {
		b.file(ino).readLock(ino).unlock(t, pos, end)
		return
	}
	if !ino.Sb.Mutants.Has(mutant.BtrfsOrderedBeforeData) {
		b.queueFinish(ino, pos, end, e)
	}
}

// DirectEndIO: there is no ->end_io. What is to be done when the data is there, ordered extents do.
func (*btrfs) DirectEndIO(_ *sched.Task, _ *iomap.Inode, r iomap.DirectResult) errno.Errno {
	return r.Err
}

// directRead is btrfs_direct_read. Page faults are disabled, since a fault may need the range that the read has locked; what was not
// present is faulted in, and the read goes on.
func (b *btrfs) directRead(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if !lock(t, ino, true, k.Nowait) {
		return 0, errno.EAGAIN
	}
	defer ino.IRwsem.RUnlock(t)
	return b.resume(t, ino, k, false)
}

// resume does direct I/O in turns (the again: loops of btrfs_direct_read and btrfs_direct_write): what a turn finds not present is
// faulted in for the next. A buffer that maps the range which is being written never stays present, since every turn invalidates it:
// the same rest twice means that the cache has to help. IRwsem is held throughout, so that no truncate comes between.
func (b *btrfs) resume(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb, write bool) (int64, errno.Errno) {
	k.NoFault = ino.Sb.Release >= faultsDisabled && !ino.Sb.Mutants.Has(mutant.BtrfsFaultsWhileLocked)
	last := int64(0)
	for {
		n, err := ino.DioRW(t, k, write, iomap.DioPartial)
		if err == errno.OK && n > 0 {
			k.DoneBefore = n
		}
		left := k.Len() - k.DoneBefore
		if left == 0 || (err != errno.EFAULT && n == 0) || !k.NoFault {
			return k.DoneBefore, err
		}
		if left == last {
			if done, err, stop := noProgress(ino, k, write); stop {
				return done, err
			}
		}
		k.Buf.FaultIn(t, k.DoneBefore, left, !write)
		last = left
	}
}

// noProgress decides about a request whose buffer was not present twice at the same place.
func noProgress(ino *iomap.Inode, k *iomap.Kiocb, write bool) (int64, errno.Errno, bool) {
	switch {
	case ino.Sb.Behaviour.OwnMapping == iomap.OwnFails:
		return 0, errno.EFAULT, true
	case ino.Sb.Behaviour.OwnMapping == iomap.OwnRetries || ino.Sb.Mutants.Has(mutant.BtrfsNoProgressTest):
		return 0, errno.OK, false
	case write:
		return k.DoneBefore, errno.ENOTBLK, true
	}
	return k.DoneBefore, errno.OK, true
}

// dsyncKept is the first release whose direct writes keep O_DSYNC where nothing of them is done directly: before, the flag was taken away for
// iomap and given back by ->end_io, which is then not called (BTRFS_DIO_SYNC_STUB).
const dsyncKept iomap.Version = 511

// directWrite is btrfs_direct_write: directly where it can, the rest through the cache, written back and invalidated.
func (b *btrfs) directWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	n := int64(0)
	if b.direct(ino, k) {
		var err errno.Errno
		n, err = b.dioWrite(t, ino, k)
		if err == errno.EREMCHG || (err != errno.OK && !fallsBack(ino, err, mutant.BtrfsLeaksENOTBLK)) {
			return 0, err
		}
		if n == k.Len() {
			return n, errno.OK
		}
	}
	if k.Nowait {
		return 0, errno.EAGAIN
	}
	rest := restOf(ino, k, n)
	if n == 0 && ino.Sb.Release < dsyncKept {
		rest.Dsync = false
	}
	buffered, err := b.bufferedWrite(t, ino, rest)
	if err != errno.OK {
		return 0, err // also if some bytes were written directly
	}
	return directWriteFallback(t, ino, k, n, buffered, errno.OK)
}

// direct says whether a write may be tried directly: it is aligned, and no checksum can go wrong.
func (b *btrfs) direct(ino *iomap.Inode, k *iomap.Kiocb) bool {
	if (k.Pos|k.Len())%ino.Sb.BlockSize != 0 {
		return false
	}
	r := ino.Sb.Release
	buffered := r >= sumsAreBuffered && r < sumsAreBounced || r == 612
	return b.file(ino).attr&NoDatasum != 0 || !buffered
}

func (b *btrfs) dioWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	shared := k.End() <= ino.ReadISize(t)
	if !lock(t, ino, shared, k.Nowait) {
		return 0, errno.EAGAIN
	}
	if shared && k.End() > ino.ReadISize(t) { // a truncate came first: extending needs the lock for itself
		ino.IRwsem.RUnlock(t)
		ino.IRwsem.Lock(t)
		shared = false
	}
	defer unlock(t, ino, shared)
	if !shared {
		b.file(ino).raised = -1
	}
	return b.resume(t, ino, k, true)
}
