package refengine

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// uring is a request of an io_uring: tried at once without waiting, and where that does not do, carried out by a worker.
type uring struct {
	a      *AIO
	b      Buffer
	off    int64
	flags  Flags
	direct bool
	iter   func(*sched.Task, *iomap.Inode, *iomap.Kiocb) (int64, errno.Errno)
}

// UringRead submits a read (io_uring_enter(2), IORING_OP_READ); Reap gives its result. b must not be touched before.
func (f *File) UringRead(t *sched.Task, b Buffer, off int64, flags Flags, direct bool) *AIO {
	u := f.uring(b, off, flags, direct)
	u.a.read, u.iter = true, f.m.fs.ReadIter
	u.start(t)
	return u.a
}

// UringWrite submits a write (IORING_OP_WRITE); see UringRead. A buffered one always goes to a worker: some filesystems take what needs no
// wait at once (FMODE_BUF_WASYNC), which the caller cannot tell from a quick worker.
func (f *File) UringWrite(t *sched.Task, b Buffer, off int64, flags Flags, direct bool) *AIO {
	u := f.uring(b, off, flags, direct)
	u.iter = f.m.fs.WriteIter
	u.start(t)
	return u.a
}

func (f *File) uring(b Buffer, off int64, flags Flags, direct bool) *uring {
	u := &uring{b: b, off: off, flags: flags, direct: direct}
	u.a = &AIO{f: f}
	u.a.done.Init(f.m.s, sched.Label{Class: "io_uring", Of: f.Name()})
	u.a.k = u.kiocb(0, 0)
	return u
}

// kiocb is the request for what is left after done bytes.
func (u *uring) kiocb(done int64, extra Flags) *iomap.Kiocb {
	k := u.a.f.kiocb(u.b.Slice(done, u.b.Len()-done), u.off+done, u.flags|extra, u.direct)
	k.Complete = func(t *sched.Task, n int64, e errno.Errno) {
		if e == errno.EAGAIN && extra&Nowait != 0 {
			u.punt(t, done) // io_rw_should_reissue
			return
		}
		u.complete(t, done+n, e)
	}
	return k
}

// start is io_read or io_write as the submitter calls it (IO_URING_F_NONBLOCK).
func (u *uring) start(t *sched.Task) {
	f := u.a.f
	waits := f.m.sb.Mutants.Has(mutant.UringWaits)
	switch {
	case u.off < 0:
		u.complete(t, 0, errno.EINVAL)
		return
	case u.b.Len() == 0:
		u.complete(t, 0, errno.OK)
		return
	case !waits && (!fs.OpensNowait(f.m.fs.Name(), f.m.sb.Release) || !u.a.read && !u.direct):
		u.punt(t, 0)
		return
	}
	try := Nowait
	if waits {
		try = 0
	}
	n, err := u.iter(t, f.ino, u.kiocb(0, try))
	switch {
	case err == errno.EIOCBQUEUED:
	case err == errno.EAGAIN, err == errno.EOPNOTSUPP: // io_write takes the one for the other
		u.punt(t, 0)
	case err == errno.OK && n < u.b.Len() && !u.direct && u.off+n < f.ino.ReadISize(t) && !f.m.sb.Mutants.Has(mutant.UringReadShort):
		u.punt(t, n) // a regular file is read to its end (need_complete_io)
	default:
		u.complete(t, n, err)
	}
}

// punt has a worker do what is left (io_queue_iowq).
func (u *uring) punt(t *sched.Task, done int64) {
	t.Go("io-wq", func(w *sched.Task) {
		n, err := u.iter(w, u.a.f.ino, u.kiocb(done, 0))
		switch {
		case err == errno.EIOCBQUEUED:
		case err != errno.OK && done > 0:
			u.complete(w, done, errno.OK)
		default:
			u.complete(w, done+n, err)
		}
	})
}

// complete posts the request's completion.
func (u *uring) complete(t *sched.Task, n int64, e Errno) {
	u.a.f.ino.Emit(t, trace.Event{Name: trace.UringComplete})
	u.a.complete(n, e)
}
