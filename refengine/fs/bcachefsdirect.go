package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// directWrite is bch2_direct_write: the inode is locked while it is set up, to the end only if the write extends the file; the page
// cache is blocked up to the completion.
func (b *bcachefs) directWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if !lock(t, ino, false, k.Nowait) {
		return 0, errno.EAGAIN
	}
	inodeLocked := true
	defer func() {
		if inodeLocked {
			ino.IRwsem.Unlock(t)
		}
	}()
	if (k.Pos|k.Len())%ino.Sb.BlockSize != 0 {
		return 0, errno.EINVAL
	}
	ino.DioBegin(t)
	unblock := b.block(t, ino)
	if k.End() <= ino.ReadISize(t) {
		ino.IRwsem.Unlock(t)
		inodeLocked = false
	}
	async := *k
	if !k.Sync() {
		async.Complete = func(t *sched.Task, n int64, e errno.Errno) {
			unblock(t)
			ino.DioEnd(t)
			k.Complete(t, n, e)
		}
	}
	n, err := b.writeLoop(t, ino, &async)
	if err == errno.EIOCBQUEUED {
		t.Released(b.pagecache(ino).q.Obj()) // the completion has it
		return 0, err
	}
	unblock(t)
	ino.DioEnd(t)
	return n, err
}

// block keeps page faults and buffered I/O from the file's cache, until the function it returns is called.
func (b *bcachefs) block(t *sched.Task, ino *iomap.Inode) func(*sched.Task) {
	if ino.Sb.Mutants.Has(mutant.BcachefsNoBlock) {
		return func(*sched.Task) {}
	}
	l := b.pagecache(ino)
	l.lock(t, pagecacheBlock)
	return l.unlock
}

// writeLoop is bch2_dio_write_loop with the invalidation before it. A fault of the buffer that let the lock go has it invalidate
// again: others may have cached something meanwhile.
func (b *bcachefs) writeLoop(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if err := b.invalidate(t, ino, k); err != errno.OK {
		return 0, err
	}
	p := &pinning{ino: ino}
	b.pinning[t.ID()] = p
	defer delete(b.pinning, t.ID())
	for {
		p.dropped = false
		n, err := ino.DioRW(t, k, true, iomap.DioPartial|iomap.DioCacheBlocked)
		if err == errno.OK && n > 0 {
			k.DoneBefore = n
		}
		if k.DoneBefore == k.Len() || !p.dropped {
			if err == errno.OK && k.DoneBefore < k.Len() {
				continue // the fault comes again, and then nothing is done
			}
			return n, err
		}
		if !ino.Sb.Mutants.Has(mutant.BcachefsNoSecondInvalidation) {
			if err := b.invalidate(t, ino, k); err != errno.OK {
				return 0, err
			}
		}
	}
}

// invalidate is bch2_write_invalidate_inode_pages_range: what is dirty again is written again, for as long as it takes.
func (b *bcachefs) invalidate(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) errno.Errno {
	pos := k.Pos + k.DoneBefore
	for {
		err := ino.Mapping.KiocbInvalidatePages(t, pos, k.End(), k.Nowait)
		switch {
		case ino.Sb.Mutants.Has(mutant.BcachefsIgnoresInvalidation):
			return errno.OK
		case err != errno.EBUSY:
			return err
		}
	}
}
