package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// bcachefs follows fs/bcachefs/fs-io-direct.c, fs-io-pagecache.c and fs-io-buffered.c of 6.12. A direct write keeps everybody from
// adding to the file's cache while it is under way (the page cache lock, blocking), so nothing has to be invalidated after it, and there is
// no fallback: an invalidation that fails is the application's error.
//
// # A buffer that maps the file
//
// Pinning the buffer may fault, the fault needs the page cache lock for adding, and the writer blocks it. So the writer says whose
// faults are disabled (current->faults_disabled_mapping): a fault in the file itself is EFAULT; a fault in another file, whose
// writer may be faulting in this one, takes the two locks in the order of the files, and for that lets the writer's go and
// takes it again. The writer is told, and invalidates once more. gfs2 and btrfs have solved the same differently: they pin what is present,
// fault the rest in without their locks, and try again; with the same range as the buffer that did not end (May 2023) until
// the second turn without progress went through the cache. iomap.Behaviour.OwnMapping has the three outcomes.
type bcachefs struct {
	base
	locks map[*iomap.Inode]*twoStateLock
	order map[*iomap.Inode]int // the order in which two files' locks are taken
	// pinning holds, by task, the writer that is pinning its buffer.
	pinning map[int]*pinning
}

// pinning is current->faults_disabled_mapping.
type pinning struct {
	ino     *iomap.Inode
	dropped bool // fdm_dropped_locks
}

func newBcachefs() *bcachefs {
	return &bcachefs{locks: map[*iomap.Inode]*twoStateLock{}, order: map[*iomap.Inode]int{}, pinning: map[int]*pinning{}}
}

func (*bcachefs) Name() string { return "bcachefs" }

func (b *bcachefs) pagecache(ino *iomap.Inode) *twoStateLock {
	l := b.locks[ino]
	if l == nil {
		l = newTwoStateLock(ino)
		b.locks[ino] = l
		b.order[ino] = len(b.order)
	}
	return l
}

// Create makes the file's lock, so that the order of two is that of their creation.
func (b *bcachefs) Create(_ *sched.Task, ino *iomap.Inode) errno.Errno {
	b.pagecache(ino)
	return errno.OK
}

// Begin never overwrites in place.
func (*bcachefs) Begin(t *sched.Task, ino *iomap.Inode, pos, length int64, flags iomap.BeginFlags) (iomap.Iomap, errno.Errno) {
	if flags&iomap.ForWrite != 0 {
		flags |= iomap.AlwaysCow
	}
	return ino.BeginExtents(t, pos, length, flags)
}

// Fault is bch2_page_fault. EFAULT stands for SIGBUS.
func (b *bcachefs) Fault(t *sched.Task, ino *iomap.Inode, i mm.Index) (*mm.Folio, errno.Errno) {
	l := b.pagecache(ino)
	if err := b.lockForFault(t, ino, l); err != errno.OK {
		return nil, err
	}
	defer l.unlock(t)
	return ino.Mapping.FilemapFault(t, i)
}

// lockForFault takes the page cache lock for adding, in a task that may hold a writer's.
func (b *bcachefs) lockForFault(t *sched.Task, ino *iomap.Inode, l *twoStateLock) errno.Errno {
	p := b.pinning[t.ID()]
	switch {
	case p == nil:
	case p.ino == ino:
		if !ino.Sb.Mutants.Has(mutant.BcachefsFaultsOwnMapping) {
			return errno.EFAULT
		}
	case b.order[p.ino] > b.order[ino]:
		if l.tryLock(t, pagecacheAdd) {
			return errno.OK
		}
		// The writer's lock comes after this one. It waits for this one without it, and has the writer start again.
		own := b.pagecache(p.ino)
		own.unlock(t)
		l.lock(t, pagecacheAdd)
		l.unlock(t)
		own.lock(t, pagecacheBlock)
		p.dropped = true
		return errno.EFAULT
	}
	l.lock(t, pagecacheAdd)
	return errno.OK
}

// PageMkwrite is bch2_page_mkwrite.
func (b *bcachefs) PageMkwrite(t *sched.Task, ino *iomap.Inode, f *mm.Folio) errno.Errno {
	l := b.pagecache(ino)
	l.lock(t, pagecacheAdd)
	defer l.unlock(t)
	return ino.IomapPageMkwrite(t, f)
}

// ReadIter is bch2_read_iter.
func (b *bcachefs) ReadIter(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if k.Direct {
		if (k.Pos|k.Len())%ino.Sb.BlockSize != 0 {
			return 0, errno.EINVAL
		}
		return ino.DioRW(t, k, false, 0)
	}
	l := b.pagecache(ino)
	l.lock(t, pagecacheAdd)
	defer l.unlock(t)
	return ino.Mapping.ReadIter(t, k.Buf, k.Pos, k.Nowait, false)
}

// WriteIter is bch2_write_iter.
func (b *bcachefs) WriteIter(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if k.Direct {
		return b.directWrite(t, ino, k)
	}
	if !lock(t, ino, false, k.Nowait) {
		return 0, errno.EAGAIN
	}
	l := b.pagecache(ino)
	l.lock(t, pagecacheAdd)
	n, err := ino.BufferedWrite(t, k)
	l.unlock(t)
	ino.IRwsem.Unlock(t)
	if err != errno.OK {
		return 0, err
	}
	return writeSync(t, ino, k, n)
}

// Truncate is bchfs_truncate.
func (b *bcachefs) Truncate(t *sched.Task, ino *iomap.Inode, size int64) errno.Errno {
	ino.IRwsem.Lock(t)
	defer ino.IRwsem.Unlock(t)
	ino.TruncateDioWait(t)
	l := b.pagecache(ino)
	l.lock(t, pagecacheBlock)
	defer l.unlock(t)
	ino.Mapping.InvalidateLock.Lock(t)
	defer ino.Mapping.InvalidateLock.Unlock(t)
	return resize(t, ino, size)
}

// Fallocate is bch2_fallocate_dispatch.
func (b *bcachefs) Fallocate(t *sched.Task, ino *iomap.Inode, mode Mode, off, n int64) errno.Errno {
	if err := checkShift(mode, off, n); err != errno.OK {
		return err
	}
	ino.IRwsem.Lock(t)
	defer ino.IRwsem.Unlock(t)
	ino.DioWait(t)
	l := b.pagecache(ino)
	l.lock(t, pagecacheBlock)
	defer l.unlock(t)
	ino.Mapping.InvalidateLock.Lock(t)
	defer ino.Mapping.InvalidateLock.Unlock(t)
	return fallocateLocked(t, ino, mode, off, off+n)
}
