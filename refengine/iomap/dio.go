package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// Kiocb is one read or write as the filesystem sees it; analogous to struct kiocb with its iov_iter.
type Kiocb struct {
	Pos    int64
	Buf    mm.Buffer // read into, or written from; not to be changed before the completion
	Direct bool      // IOCB_DIRECT
	Dsync  bool      // IOCB_DSYNC
	Nowait bool      // IOCB_NOWAIT
	Append bool      // IOCB_APPEND: the filesystem sets Pos to the end of the file
	WbErr  *int      // f_wb_err of the open file
	// NoFault stops direct I/O at memory that is not present, instead of faulting it in (iov_iter.nofault).
	NoFault bool
	// DoneBefore is how many of the request's bytes earlier calls of DioRW have transferred: the next one goes on behind them,
	// and its result, sooner or later, counts them.
	DoneBefore int64
	// Complete is called when an asynchronous request ends (ki_complete); nil makes the request synchronous. It is called
	// only if the request was queued (EIOCBQUEUED). It must not block.
	Complete func(t *sched.Task, n int64, e errno.Errno)
}

// End returns the byte position after the request.
func (k *Kiocb) End() int64 { return k.Pos + k.Len() }

// Len returns the request's length in bytes.
func (k *Kiocb) Len() int64 { return k.Buf.Len() }

// Sync says whether the caller waits for the completion (is_sync_kiocb).
func (k *Kiocb) Sync() bool { return k.Complete == nil }

// Rest returns the request for what is left after n bytes, synchronous and not direct: the buffered part of a fallback.
func (k *Kiocb) Rest(n int64) *Kiocb {
	return &Kiocb{Pos: k.Pos + n, Buf: k.Buf.Slice(n, k.Len()-n), Dsync: k.Dsync, WbErr: k.WbErr}
}

// DioFlags change how DioRW goes about it (IOMAP_DIO_FORCE_WAIT …).
type DioFlags uint8

// The flags.
const (
	DioForceWait      DioFlags = 1 << iota // complete before returning, even if the request is asynchronous
	DioOverwriteOnly                       // EAGAIN if blocks would have to be allocated or converted, or the size raised
	DioPartial                             // memory that is not present ends the call with what was done, instead of EFAULT
	DioFSBlockAligned                      // every request must be of whole filesystem blocks
	DioCacheBlocked                        // the caller has invalidated the range, and keeps it out of the cache
)

// dio is a direct I/O under way; analogous to struct iomap_dio.
type dio struct {
	ino   *Inode
	k     *Kiocb
	write bool
	flags DioFlags
	pos   int64 // where this call begins
	iSize int64 // the size when it began: reads do not go past it
	size  int64 // bytes submitted
	ref   int   // requests in flight, plus one while the submitter is at it
	err   errno.Errno
	wait  bool // the submitter waits for the completion
	done  sched.Event
	obj   sched.ObjID // stands for ref, size and err, which the submitter and completions change

	needSync     bool // IOMAP_DIO_NEED_SYNC: flush at the end
	writeThrough bool // IOMAP_DIO_WRITE_THROUGH: every request so far reached the medium by itself
	unwritten    bool // IOMAP_DIO_UNWRITTEN
	cow          bool // IOMAP_DIO_COW
	noInvalidate bool // IOMAP_DIO_NO_INVALIDATE
}

// DioRW does direct I/O (iomap_dio_rw). The caller holds what its filesystem demands, IRwsem at least shared for a write. It
// returns the bytes done, or an error only: EIOCBQUEUED if the completion comes later; ENOTBLK if the range could not be
// invalidated and the caller must fall back to buffered I/O. A result shorter than asked means: fall back for the rest, or,
// with DioPartial, fault the next bytes of the buffer in and call again with DoneBefore set to the result.
func (ino *Inode) DioRW(t *sched.Task, k *Kiocb, write bool, flags DioFlags) (int64, errno.Errno) {
	d := &dio{ino: ino, k: k, write: write, flags: flags, pos: k.Pos + k.DoneBefore, ref: 1}
	ino.Emit(t, trace.Event{Name: trace.IomapDioRW})
	ino.Emit(t, trace.Event{Name: trace.DioRWBegin, Pos: d.pos, End: k.End()})
	if d.pos == k.End() {
		return 0, errno.OK
	}
	d.wait = k.Sync() || flags&DioForceWait != 0
	t.Step("iomap_dio_rw", 0)
	d.iSize = ino.ReadISize(t)
	if ok, err := d.prepare(t); !ok {
		return 0, err
	}
	ino.DioBegin(t)
	d.obj = ino.Sb.Sched.NewObj(sched.Label{Class: "iomap_dio", Of: ino.name})
	d.done.Init(ino.Sb.Sched, sched.Label{Class: "direct I/O", Of: ino.name})
	err := d.submitAll(t)
	d.settle(err)
	return d.finishSubmission(t)
}

// settle decides what an error that ended the submission means for the whole.
func (d *dio) settle(err errno.Errno) {
	if err == errno.EFAULT && d.size > 0 && d.flags&DioPartial != 0 {
		// What was submitted counts. The caller goes on behind it, so it has to know how much that was.
		if !d.k.Nowait && !d.ino.Sb.Mutants.Has(mutant.DioNoWaitAfterFault) {
			d.wait = true
		}
		err = errno.OK
	}
	if err == errno.ENOTBLK {
		// The filesystem cannot do this part directly: wait for what is under way and return short.
		d.wait = true
		err = errno.OK
	}
	d.setError(err)
	if d.writeThrough {
		d.needSync = false
	}
}

// end returns where the request ends: a read ends with the sector that holds the end of the file.
func (d *dio) end() int64 {
	if d.write {
		return d.k.End()
	}
	return min(d.k.End(), (d.iSize+SectorSize-1)/SectorSize*SectorSize)
}

// lastError returns the error that has ended the I/O so far, of a request that has completed or of the submission.
func (d *dio) lastError(t *sched.Task) errno.Errno {
	t.Reads(d.obj)
	return d.err
}

// setError keeps the first error (iomap_dio_set_error).
func (d *dio) setError(e errno.Errno) {
	if d.err == errno.OK {
		d.err = e
	}
}
