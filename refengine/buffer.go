package refengine

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// Buffer is the memory that a read or write names: anonymous (mm.Plain, mm.Guarded, mm.Faulting), or a part of a mapping
// (File.Memory).
type Buffer = mm.Buffer

// ReadBuffer is pread(2) through the page cache. EFAULT says that nothing could be stored in the buffer.
func (f *File) ReadBuffer(t *sched.Task, b Buffer, off int64, flags Flags) (int64, Errno) {
	return f.read(t, f.kiocb(b, off, flags, false))
}

// DirectReadBuffer is pread(2) with O_DIRECT; see ReadBuffer.
func (f *File) DirectReadBuffer(t *sched.Task, b Buffer, off int64, flags Flags) (int64, Errno) {
	return f.read(t, f.kiocb(b, off, flags, true))
}

// WriteBuffer is pwrite(2) through the page cache. EFAULT says that nothing could be loaded from the buffer.
func (f *File) WriteBuffer(t *sched.Task, b Buffer, off int64, flags Flags) (int64, Errno) {
	return f.write(t, f.kiocb(b, off, flags, false))
}

// DirectWriteBuffer is pwrite(2) with O_DIRECT; see WriteBuffer.
func (f *File) DirectWriteBuffer(t *sched.Task, b Buffer, off int64, flags Flags) (int64, Errno) {
	return f.write(t, f.kiocb(b, off, flags, true))
}

func (f *File) kiocb(b Buffer, off int64, flags Flags, direct bool) *iomap.Kiocb {
	return &iomap.Kiocb{
		Pos: off, Buf: b, Direct: direct, Dsync: flags&Dsync != 0, Nowait: flags&Nowait != 0, Append: flags&Append != 0,
		WbErr: &f.wbErr,
	}
}

func (f *File) read(t *sched.Task, k *iomap.Kiocb) (int64, Errno) {
	if k.Pos < 0 {
		return 0, errno.EINVAL
	}
	if k.Len() == 0 {
		return 0, errno.OK
	}
	n, err := f.m.fs.ReadIter(t, f.ino, k)
	f.m.memcg.HandleOverHigh(t)
	return f.noteData(t, k.Buf.Bytes(), n, err)
}

func (f *File) write(t *sched.Task, k *iomap.Kiocb) (int64, Errno) {
	if k.Append {
		k.Pos = f.ino.ReadISize(t)
	}
	if k.Pos < 0 {
		return 0, errno.EINVAL
	}
	if k.Len() == 0 {
		return 0, errno.OK
	}
	if err := f.m.cut(t, k); err != errno.OK {
		return note(t, 0, err)
	}
	n, err := f.m.fs.WriteIter(t, f.ino, k)
	f.m.memcg.HandleOverHigh(t)
	return note(t, n, err)
}

// SetAttr adds attributes to the file (chattr(1)); EOPNOTSUPP where the filesystem does not have them.
func (f *File) SetAttr(t *sched.Task, a fs.Attr) Errno {
	t.Step("ioctl_setflags", 0)
	_, err := note(t, 0, f.m.fs.SetAttr(t, f.ino, a))
	return err
}
