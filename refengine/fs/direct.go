package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

func (base) DirectEnd(*sched.Task, *iomap.Inode, iomap.Iomap, int64, bool) errno.Errno {
	return errno.OK
}

func (base) DirectBioDone(*sched.Task, *iomap.Inode, int64, int64, bool, errno.Errno) {}

func (base) DirectEndIO(t *sched.Task, ino *iomap.Inode, r iomap.DirectResult) errno.Errno {
	return ino.DirectWriteEndIO(t, r)
}

func (base) Drain(*sched.Task, *iomap.Inode) {}

// fallsBack says whether a direct write's error asks for the page cache, in a filesystem that has a mutant which forgets ENOTBLK.
func fallsBack(ino *iomap.Inode, err errno.Errno, leaks mutant.ID) bool {
	return asksForCache(ino, err) && !(err == errno.ENOTBLK && ino.Sb.Mutants.Has(leaks))
}

// asksForCache says whether a direct write's error means that the page cache has to do it: ENOTBLK, and EREMCHG, the word of the
// first draft, in filesystems that were given it.
func asksForCache(ino *iomap.Inode, err errno.Errno) bool {
	switch err {
	case errno.OK, errno.EIOCBQUEUED:
		return false
	case errno.ENOTBLK, errno.EREMCHG:
		return true
	}
	return ino.Sb.Mutants.Has(mutant.FallbackOnAnyError)
}

// restOf returns the request for what a direct write of n bytes left to the page cache.
func restOf(ino *iomap.Inode, k *iomap.Kiocb, n int64) *iomap.Kiocb {
	rest := k.Rest(n)
	if ino.Sb.Mutants.Has(mutant.FallbackWrongPosition) {
		rest.Pos = k.Pos
	}
	return rest
}

// directWriteFallback finishes a direct write whose first n bytes were written directly and the next through the page cache
// (direct_write_fallback): they are written back, so that the caller gets what O_DIRECT promises, and leave the cache if they can.
func directWriteFallback(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb, n, buffered int64, err errno.Errno) (int64, errno.Errno) {
	if err != errno.OK && ino.Sb.Mutants.Has(mutant.FallbackHidesError) {
		return k.Len(), errno.OK
	}
	if err != errno.OK {
		return someOr(n, err)
	}
	if buffered == 0 {
		return n, errno.OK
	}
	pos, end := k.Pos+n, k.Pos+n+buffered
	if !ino.Sb.Mutants.Has(mutant.FallbackNoFlush) {
		if err := ino.Mapping.WriteAndWaitRange(t, pos, end); err != errno.OK {
			return someOr(n, err)
		}
	}
	ino.Mapping.InvalidateMappingPages(t, pos, end)
	if ino.Sb.Mutants.Has(mutant.FallbackCountsBufferedOnly) {
		return buffered, errno.OK
	}
	return n + buffered, errno.OK
}

// someOr returns the bytes done, or the error if there are none.
func someOr(n int64, err errno.Errno) (int64, errno.Errno) {
	if n > 0 {
		return n, errno.OK
	}
	return 0, err
}
