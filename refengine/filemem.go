package refengine

import (
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// Memory returns [off, off+n) of the calling task's mapping of the file, as the buffer of a system call.
func (f *File) Memory(t *sched.Task, off, n int64) mm.Buffer { return mm.Mapped(f.vma(t), off, n) }

// Mlock brings [off, off+n) of the calling task's mapping in and keeps reclaim from it (mlock(2)).
func (f *File) Mlock(t *sched.Task, off, n int64) Errno {
	_, err := note(t, 0, f.vma(t).Mlock(t, off, n))
	return err
}

// Munlock ends Mlock for what overlaps [off, off+n) (munlock(2)).
func (f *File) Munlock(t *sched.Task, off, n int64) { f.vma(t).Munlock(t, off, n) }

// Pin pins [off, off+n) of the calling task's mapping as long-term I/O does (vmsplice(2), io_uring's fixed buffers), until Unpin of
// the result, and returns how many bytes it got.
func (f *File) Pin(t *sched.Task, off, n int64, write bool) (mm.Pins, int64) {
	return f.Memory(t, off, n).Pin(t, 0, n, write, false)
}

// Evict has what is dirty of [off, off+n) written and takes from the cache what nobody uses (posix_fadvise(2), DONTNEED).
func (f *File) Evict(t *sched.Task, off, n int64) { f.ino.Mapping.DontNeed(t, off, off+n) }

// Readahead starts to read [off, off+n) into the cache (posix_fadvise(2), WILLNEED).
func (f *File) Readahead(t *sched.Task, off, n int64) Errno {
	_, err := note(t, 0, fs.Readahead(t, f.m.fs, f.ino, off, off+n))
	return err
}

// Resident returns how many pages of [off, off+n) are cached (cachestat(2)).
func (f *File) Resident(t *sched.Task, off, n int64) int {
	t.Step("cachestat", 0)
	return f.ino.Mapping.Resident(t, off, off+n)
}
