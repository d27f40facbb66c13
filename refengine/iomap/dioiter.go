package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// submitAll goes over the mappings of the range (the iomap_iter loop of __iomap_dio_rw) and returns what ended it early.
func (d *dio) submitAll(t *sched.Task) errno.Errno {
	flags := d.beginFlags()
	for pos := d.pos; pos < d.end() && d.lastError(t) == errno.OK; {
		im, err := d.ino.Hooks.Begin(t, d.ino, pos, d.end()-pos, flags)
		if err != errno.OK {
			return err
		}
		im.Len = min(im.Len, d.end()-pos)
		n, err := d.iter(t, im)
		endErr := d.ino.Hooks.DirectEnd(t, d.ino, im, n, d.write)
		if n == 0 {
			if err == errno.OK {
				err = endErr
			}
			return err
		}
		// An error after some bytes comes again, without bytes, when the rest is mapped.
		pos += n
	}
	return errno.OK
}

func (d *dio) beginFlags() BeginFlags {
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
	return flags
}

// iter does one mapping's part (iomap_dio_iter) and returns how many of its bytes were submitted.
func (d *dio) iter(t *sched.Task, im Iomap) (int64, errno.Errno) {
	switch {
	case im.Type == Delalloc:
		// Stores through a mapping are not serialised against direct I/O: page_mkwrite reserved this block after the range
		// had been written back.
		d.ino.Emit(t, trace.Event{
			Name: trace.Printk, Pos: im.Off, End: im.End(), Errno: errno.EIO,
			Text: "Direct I/O collision with buffered writes! File: " + d.ino.name + " Comm: " + t.Name(),
		})
		return 0, errno.EIO
	case im.Type == Inline:
		return d.inlineIter(t, im)
	case im.Type == Hole && d.write:
		return 0, errno.EIO
	case im.Type == Hole || (im.Type == Unwritten && !d.write):
		return d.holeIter(t, im)
	}
	return d.bioIter(t, im)
}

// holeIter reads zeros (iomap_dio_hole_iter).
func (d *dio) holeIter(t *sched.Task, im Iomap) (int64, errno.Errno) {
	n := d.k.Buf.Zero(t, im.Off-d.k.Pos, im.Len, d.k.NoFault)
	d.size += n
	if n == 0 {
		return 0, errno.EFAULT
	}
	return n, errno.OK
}

// inlineIter copies data that lives in the inode (iomap_dio_inline_iter). A write raises the size itself.
func (d *dio) inlineIter(t *sched.Task, im Iomap) (int64, errno.Errno) {
	ino, off := d.ino, im.Off-d.k.Pos
	t.Step("iomap_dio_inline_iter", ino.ILock.Obj())
	n := int64(0)
	if data := ino.inline[im.Off:min(im.End(), int64(len(ino.inline)))]; d.write {
		n = d.k.Buf.CopyFrom(t, off, data, ino.ILock.Obj(), d.k.NoFault)
		ino.growSize(t, im.Off+n)
	} else {
		n = d.k.Buf.CopyTo(t, off, data, ino.ILock.Obj(), d.k.NoFault)
	}
	d.size += n
	if n == 0 {
		return 0, errno.EFAULT
	}
	return n, errno.OK
}

// bioIter submits the requests for one mapping (iomap_dio_bio_iter). A write that begins or ends inside a block whose other bytes
// are not valid on the disk zeroes them; so does one that ends in the block that holds the end of the file, and one that
// is stopped half way by its buffer:
//
//	block     [              )
//	zeroed    [000)      [000)
//	written       [wwwwww)
func (d *dio) bioIter(t *sched.Task, im Iomap) (int64, errno.Errno) {
	align := int64(SectorSize)
	if d.flags&DioFSBlockAligned != 0 {
		align = d.ino.Sb.BlockSize
	}
	if (im.Off|im.Len)%align != 0 {
		return 0, errno.EINVAL
	}
	zeroes, fua := d.writeKind(t, im)
	mutants := d.ino.Sb.Mutants
	if im.Shared && mutants.Has(mutant.CowRemapsEarly) {
		d.ino.FinishWrite(t, im.Off, im.End(), 0)
	}
	if pad := im.Off % d.ino.Sb.BlockSize; zeroes && pad > 0 && !mutants.Has(mutant.DioHeadNotZeroed) {
		d.zero(t, im.Addr-pad, pad)
	}
	n, err := d.submitData(t, im, align, fua)
	if d.err != errno.OK && n < im.Len && err == errno.OK {
		return 0, errno.OK // a request has failed already: no use in more
	}
	if err != errno.OK && mutants.Has(mutant.DioNoZeroAfterFault) {
		return n, err
	}
	if d.zeroTail(t, im, n, zeroes) && d.ino.Sb.Release >= zeroingHidesFaults {
		err = errno.OK
	}
	return n, err
}

// zeroingHidesFaults is the first release where the result of zeroing the tail takes the place of the fault that ended the data ("iomap:
// fix iomap_dio_zero() for fs bs > system page size"). The request then ends short instead of failing; and since the part that
// faulted was begun, the head of its block is zeroed, over the last bytes that were counted.
const zeroingHidesFaults Version = 612

// writeKind says whether the rest of a write's blocks must be zeroed, and whether its requests go to the medium at once, and
// notes what the completion will have to do. Only an overwrite that needs no change of metadata may go without a flush.
func (d *dio) writeKind(t *sched.Task, im Iomap) (zeroes, fua bool) {
	if !d.write {
		return false, false
	}
	d.unwritten = d.unwritten || im.Type == Unwritten
	d.cow = d.cow || im.Shared
	dirty := im.Dirty && !d.ino.Sb.Mutants.Has(mutant.DioFUAIgnoresDirty) || im.End() > d.ino.ReadISize(t) // metadata will have to be made durable as well
	fua = d.writeThrough && im.Type == Mapped && !im.New && !im.Shared && !dirty
	if !fua && !d.ino.Sb.Mutants.Has(mutant.DioKeepsWriteThrough) {
		d.writeThrough = false
	}
	return im.Type == Unwritten || im.New, fua
}

// zeroTail zeroes what follows the n bytes written of a mapping in their last block. Behind the end of the file it does so even if the
// block is valid: a mapping would show what is there. It says whether anything was zeroed.
func (d *dio) zeroTail(t *sched.Task, im Iomap, n int64, zeroes bool) bool {
	if !d.write {
		return false
	}
	pos, bs := im.Off+n, d.ino.Sb.BlockSize
	atEOF := pos >= d.ino.ReadISize(t) && !d.ino.Sb.Mutants.Has(mutant.DioTailOnlyIfNew)
	if pad := pos % bs; pad > 0 && (zeroes || atEOF) {
		d.zero(t, im.Addr+n, bs-pad)
		return true
	}
	return false
}
