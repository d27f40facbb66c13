package refengine

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// AIO is an asynchronous request that was submitted; analogous to struct aio_kiocb.
type AIO struct {
	done sched.Event
	n    int64
	err  Errno
	f    *File
	k    *iomap.Kiocb
	read bool
}

// SubmitRead starts a direct read (io_submit(2) with IOCB_CMD_PREAD on an O_DIRECT file). p must not be touched before Reap. The
// call may block, as io_submit may; an error comes out of Reap.
func (f *File) SubmitRead(t *sched.Task, p []byte, off int64, flags Flags) *AIO {
	return f.SubmitReadBuffer(t, mm.Plain(p), off, flags)
}

// SubmitReadBuffer is SubmitRead to any memory.
func (f *File) SubmitReadBuffer(t *sched.Task, b Buffer, off int64, flags Flags) *AIO {
	a := f.aio(b, off, flags)
	a.read = true
	a.start(t, f.m.fs.ReadIter)
	return a
}

// SubmitWrite starts a direct write; see SubmitRead. A write that falls back to buffered I/O is carried out before it
// returns.
func (f *File) SubmitWrite(t *sched.Task, p []byte, off int64, flags Flags) *AIO {
	return f.SubmitWriteBuffer(t, mm.Plain(p), off, flags)
}

// SubmitWriteBuffer is SubmitWrite from any memory.
func (f *File) SubmitWriteBuffer(t *sched.Task, b Buffer, off int64, flags Flags) *AIO {
	a := f.aio(b, off, flags)
	if err := f.m.cut(t, a.k); err != errno.OK {
		a.complete(0, err)
		return a
	}
	a.start(t, f.m.fs.WriteIter)
	return a
}

func (f *File) aio(b Buffer, off int64, flags Flags) *AIO {
	a := &AIO{f: f, k: f.kiocb(b, off, flags, true)}
	a.done.Init(f.m.s, sched.Label{Class: "aio", Of: f.Name()})
	a.k.Complete = func(_ *sched.Task, n int64, e errno.Errno) { a.complete(n, e) }
	return a
}

func (a *AIO) start(t *sched.Task, iter func(*sched.Task, *iomap.Inode, *iomap.Kiocb) (int64, errno.Errno)) {
	switch {
	case a.k.Pos < 0:
		a.complete(0, errno.EINVAL)
	case a.k.Len() == 0:
		a.complete(0, errno.OK)
	default:
		if n, err := iter(t, a.f.ino, a.k); err != errno.EIOCBQUEUED {
			a.complete(n, err)
		}
	}
}

func (a *AIO) complete(n int64, e Errno) {
	a.n, a.err = n, e
	a.done.Set()
}

// Reap waits until the request has completed and returns its result (io_getevents(2)). It may be called again.
func (a *AIO) Reap(t *sched.Task) (int64, Errno) {
	a.done.Wait(t, "io_getevents")
	if a.read {
		return a.f.noteData(t, a.k.Buf.Bytes(), a.n, a.err)
	}
	return note(t, a.n, a.err)
}
