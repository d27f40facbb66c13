package refengine

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// SpliceRead moves bytes of the file into a pipe (splice(2)), and reads the pipe into p. Pages of the cache go into the pipe as they are,
// unless the read is direct or the filesystem copies (copy_splice_read).
func (f *File) SpliceRead(t *sched.Task, p []byte, off int64, direct bool) (int64, Errno) {
	if off < 0 {
		return 0, errno.EINVAL
	}
	n, err := f.intoPipe(t, p, off, direct)
	return f.noteData(t, p, n, err)
}

// intoPipe is SpliceRead without its note.
func (f *File) intoPipe(t *sched.Task, p []byte, off int64, direct bool) (int64, Errno) {
	if direct || !fs.SplicesCache(f.m.fs.Name(), f.m.sb.Release) {
		return f.m.fs.ReadIter(t, f.ino, f.kiocb(mm.Plain(p), off, 0, direct))
	}
	pipe := mm.NewPipe(p)
	n, err := f.m.fs.ReadIter(t, f.ino, f.kiocb(pipe.Buffer(), off, 0, false))
	pipe.Drain(t)
	return n, err
}

// SpliceWrite writes what a pipe holds (splice(2), iter_file_splice_write): pages of the pipe's own, which cannot fault.
func (f *File) SpliceWrite(t *sched.Task, p []byte, off int64, flags Flags, direct bool) (int64, Errno) {
	f.ino.Emit(t, trace.Event{Name: trace.FileSpliceWrite})
	if f.m.sb.Mutants.Has(mutant.SpliceWriteNotSynced) {
		flags &^= Dsync
	}
	return f.write(t, f.kiocb(mm.Plain(p), off, flags, direct))
}

// copyChunk is how many bytes a copy has in its pipe at once (PIPE_DEF_BUFFERS pages).
const copyChunk = 16 * mm.PageSize

// CopyRange copies n bytes to another file, or to another place of this one (copy_file_range(2)). A filesystem that shares blocks
// shares whole blocks, and returns how far that went; what it refuses, and every other filesystem's, goes through a pipe, from cache to
// cache. The pages are copied out of the pipe before the write begins, not folio by folio.
func (f *File) CopyRange(t *sched.Task, off int64, dst *File, dstOff, n int64) (int64, Errno) {
	f.ino.Emit(t, trace.Event{Name: trace.VfsCopyFileRange})
	t.Step("copy_file_range", 0)
	size := f.ino.ReadISize(t)
	if off < 0 || dstOff < 0 {
		return 0, errno.EINVAL
	}
	n = min(n, size-off)
	if n <= 0 {
		return 0, errno.OK
	}
	if shared := f.share(t, off, dst, dstOff, n, size); shared > 0 {
		return note(t, shared, errno.OK)
	}
	return f.copyThroughPipe(t, off, dst, dstOff, n)
}

// share is ->remap_file_range with REMAP_FILE_CAN_SHORTEN: how many bytes could be shared.
func (f *File) share(t *sched.Task, off int64, dst *File, dstOff, n, size int64) int64 {
	bs := f.m.sb.BlockSize
	asked := n
	if off+n < size || dstOff+n < dst.ino.ReadISize(t) {
		n -= n % bs
	}
	if n < asked && f.m.sb.Mutants.Has(mutant.CopySharesPartBlock) {
		n += bs
	}
	if (off|dstOff)%bs != 0 || n == 0 {
		return 0
	}
	if f.m.fs.Clone(t, f.ino, off, dst.ino, dstOff, n) != errno.OK {
		return 0
	}
	return min(n, asked)
}

// copyThroughPipe is do_splice_direct.
func (f *File) copyThroughPipe(t *sched.Task, off int64, dst *File, dstOff, n int64) (int64, Errno) {
	buf := make([]byte, min(n, copyChunk))
	for done := int64(0); ; {
		got, err := f.intoPipe(t, buf[:min(n-done, copyChunk)], off+done, false)
		if err == errno.OK && got > 0 {
			got, err = dst.write(t, dst.kiocb(mm.Plain(buf[:got]), dstOff+done, 0, false))
		}
		done += got
		switch {
		case err != errno.OK && done == 0:
			return note(t, 0, err)
		case err != errno.OK, got == 0, done == n:
			return note(t, done, errno.OK)
		}
	}
}
