package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// Kiocb is one read or write as the filesystem sees it; analogous to struct kiocb with its iov_iter.
type Kiocb struct {
	Pos    int64
	Data   []byte // read into, or written from; not to be changed before the completion
	Direct bool   // IOCB_DIRECT
	Dsync  bool   // IOCB_DSYNC
	Nowait bool   // IOCB_NOWAIT
	WbErr  *int   // f_wb_err of the open file
	// Complete is called when an asynchronous request ends (ki_complete); nil makes the request synchronous. It is called
	// only if the request was queued (EIOCBQUEUED). It must not block.
	Complete func(t *sched.Task, n int64, e errno.Errno)
}

// End returns the byte position after the request.
func (k *Kiocb) End() int64 { return k.Pos + k.Len() }

// Len returns the request's length in bytes.
func (k *Kiocb) Len() int64 { return int64(len(k.Data)) }

// Rest returns the request for what is left after n bytes, synchronous and not direct: the buffered part of a fallback.
func (k *Kiocb) Rest(n int64) *Kiocb {
	return &Kiocb{Pos: k.Pos + n, Data: k.Data[n:], Dsync: k.Dsync, WbErr: k.WbErr}
}

// DioFlags change how DioRW goes about it (IOMAP_DIO_FORCE_WAIT …).
type DioFlags uint8

// The flags.
const (
	DioForceWait     DioFlags = 1 << iota // complete before returning, even if the request is asynchronous
	DioOverwriteOnly                      // EAGAIN if blocks would have to be allocated or converted, or the size raised
)

// dio is a direct I/O under way; analogous to struct iomap_dio.
type dio struct {
	ino      *Inode
	k        *Kiocb
	write    bool
	flags    DioFlags
	iSize    int64 // the size when it began: reads do not go past it
	size     int64 // bytes submitted
	ref      int   // requests in flight, plus one while the submitter is at it
	err      errno.Errno
	needSync bool
	wait     bool // the submitter waits for the completion
	done     sched.Event
}

// DioRW does direct I/O (iomap_dio_rw). The caller holds what its filesystem demands, IRwsem at least shared for a write. It
// returns the bytes done, or an error only: EIOCBQUEUED if the completion comes later; ENOTBLK if the range could not be
// invalidated and the caller must fall back to buffered I/O. A result shorter than asked means: fall back for the rest.
func (ino *Inode) DioRW(t *sched.Task, k *Kiocb, write bool, flags DioFlags) (int64, errno.Errno) {
	if k.Len() == 0 {
		return 0, errno.OK
	}
	d := &dio{ino: ino, k: k, write: write, flags: flags, needSync: write && k.Dsync, ref: 1}
	d.wait = k.Complete == nil || flags&DioForceWait != 0
	t.Step("iomap_dio_rw", ino.obj)
	d.iSize = ino.isize
	ino.Emit(t, trace.Event{Name: trace.DioRWBegin, Pos: k.Pos, End: k.End()})
	if ok, err := d.prepare(t); !ok {
		return 0, err
	}
	if !write {
		ino.Hooks.BeginRead(t, ino, k.Pos, d.end())
	}
	ino.dio.Add(1)
	d.done.Init(ino.Sb.Sched, sched.Label{Class: "direct I/O", Of: ino.name})
	d.submitAll(t)
	return d.finishSubmission(t)
}

// prepare writes back the range, and for a write invalidates it; false ends the request with the error.
func (d *dio) prepare(t *sched.Task) (bool, errno.Errno) {
	k, m := d.k, d.ino.Mapping
	if !d.write {
		if k.Pos >= d.iSize {
			return false, errno.OK
		}
		err := m.KiocbWriteAndWait(t, k.Pos, k.End(), k.Nowait)
		return err == errno.OK, err
	}
	if d.flags&DioOverwriteOnly != 0 && k.End() > d.iSize {
		return false, errno.EAGAIN
	}
	err := m.KiocbInvalidatePages(t, k.Pos, k.End(), k.Nowait)
	if err == errno.OK || err == errno.EAGAIN {
		return err == errno.OK, err
	}
	d.ino.Emit(t, trace.Event{Name: trace.DioInvalidateFail, Pos: k.Pos, End: k.End()})
	if d.ino.Sb.Mutants.Has(mutant.DioIgnoreInvalidateFailure) {
		return true, errno.OK
	}
	return false, errno.ENOTBLK
}

// submitAll goes over the mappings of the range (the iomap_iter loop of __iomap_dio_rw).
func (d *dio) submitAll(t *sched.Task) {
	flags := ForDirect
	if d.write {
		flags |= ForWrite
	}
	if d.flags&DioOverwriteOnly != 0 {
		flags |= Overwrite
	}
	if d.k.Nowait {
		flags |= NoWait
	}
	for pos := d.k.Pos; pos < d.end() && d.err == errno.OK; {
		im, err := d.ino.Hooks.Begin(t, d.ino, pos, d.end()-pos, flags)
		if err == errno.OK {
			im.Len = min(im.Len, d.end()-pos)
			err = d.iter(t, im)
		}
		if err == errno.ENOTBLK {
			// The filesystem cannot do this part directly: wait for what is under way and return short.
			d.wait = true
			return
		}
		if err != errno.OK {
			d.setError(err)
			return
		}
		pos = im.End()
	}
}

// end returns where the request ends: a read ends with the block that holds the end of the file.
func (d *dio) end() int64 {
	if d.write {
		return d.k.End()
	}
	return min(d.k.End(), (d.iSize+SectorSize-1)/SectorSize*SectorSize)
}

// iter does one mapping's part (iomap_dio_iter).
func (d *dio) iter(t *sched.Task, im Iomap) errno.Errno {
	switch {
	case im.Type == Delalloc:
		// Stores through a mapping are not serialised against direct I/O: page_mkwrite reserved this block after the range
		// had been written back.
		d.ino.Emit(t, trace.Event{
			Name: trace.Printk, Pos: im.Off, End: im.End(), Errno: errno.EIO,
			Text: "Direct I/O collision with buffered writes! File: " + d.ino.name + " Comm: " + t.Name(),
		})
		return errno.EIO
	case im.Type == Hole && d.write:
		return errno.EIO
	case im.Type == Hole || (im.Type == Unwritten && !d.write):
		clear(d.buf(im.Off, im.End()))
		d.size += im.Len
		return errno.OK
	}
	return d.bioIter(t, im)
}

// bioIter submits the requests for one mapping (iomap_dio_bio_iter). A write that begins or ends inside a block whose other bytes
// are not valid on the disk zeroes them.
func (d *dio) bioIter(t *sched.Task, im Iomap) errno.Errno {
	if (im.Off|im.Len)%SectorSize != 0 {
		return errno.EINVAL
	}
	bs := d.ino.Sb.BlockSize
	zeroes := d.write && (im.Type == Unwritten || im.New)
	if pad := im.Off % bs; zeroes && pad > 0 {
		d.submit(t, block.OpWrite, im.Addr-pad, make([]byte, pad))
	}
	op := block.OpRead
	if d.write {
		op = block.OpWrite
	}
	d.size += im.Len
	d.submit(t, op, im.Addr, d.buf(im.Off, im.End()))
	if pad := im.End() % bs; pad > 0 && (zeroes || (d.write && im.End() >= d.ino.isize)) {
		d.submit(t, block.OpWrite, im.Addr+im.Len, make([]byte, bs-pad))
	}
	return errno.OK
}

// buf returns the caller's memory for [pos, end) of the file.
func (d *dio) buf(pos, end int64) []byte { return d.k.Data[pos-d.k.Pos : end-d.k.Pos] }

// submit sends one request off (iomap_dio_submit_bio).
func (d *dio) submit(t *sched.Task, op block.Op, addr int64, data []byte) {
	d.ref++
	d.ino.Sb.Disk.Submit(t, &block.Request{
		Op: op, Range: block.Range{Off: addr, End: addr + int64(len(data))}, Data: data,
		Done: func(t *sched.Task, e errno.Errno) {
			d.setError(e)
			d.put(t)
		},
	})
}

// setError keeps the first error (iomap_dio_set_error).
func (d *dio) setError(e errno.Errno) {
	if d.err == errno.OK {
		d.err = e
	}
}
