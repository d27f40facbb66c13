package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// dioBio is one request of a direct I/O with the memory it transfers; analogous to a bio with its pinned pages.
type dioBio struct {
	d        *dio
	pos, end int64 // in the file; equal for zeroing
	pins     mm.Pins
	bounce   []byte // the bytes in one piece, where the pinned memory is in several; else nil
}

// submitData submits the mapping's bytes as far as the buffer can be pinned, and returns how many that were. Memory in several
// pieces goes in one request, as the disk sees one.
func (d *dio) submitData(t *sched.Task, im Iomap, align int64, fua bool) (int64, errno.Errno) {
	for n := int64(0); n < im.Len; {
		if d.lastError(t) != errno.OK {
			return n, errno.OK
		}
		off := im.Off + n - d.k.Pos
		pins, got := d.k.Buf.Pin(t, off, im.Len-n, !d.write, d.k.NoFault)
		if got -= got % align; got == 0 {
			pins.Unpin(t)
			return n, errno.EFAULT
		}
		b := &dioBio{d: d, pos: im.Off + n, end: im.Off + n + got, pins: pins}
		d.size += got
		n += got
		b.submit(t, im.Addr+b.pos-im.Off, fua)
	}
	return im.Len, errno.OK
}

// submit sends the request off (iomap_dio_submit_bio).
func (b *dioBio) submit(t *sched.Task, addr int64, fua bool) {
	op := block.OpRead
	if b.d.write {
		op = block.OpWrite
	} else {
		b.pins.SetDirty(t)
	}
	b.d.send(t, &block.Request{
		Op: op, Range: block.Range{Off: addr, End: addr + b.end - b.pos}, Data: b.memory(), Touch: b.touch(), FUA: fua, Done: b.endIO,
	})
}

// touch declares what the device does to the program's pages; nil where it has a copy, or the pages belong to no file.
func (b *dioBio) touch() func(*sched.Sched) {
	switch {
	case b.bounce != nil || !b.pins.OfFile():
		return nil
	case b.d.write:
		return b.pins.Reads
	}
	return b.pins.Writes
}

// memory returns the request's bytes. Where they are the program's own, a change of them in flight shows, as it does to a device.
func (b *dioBio) memory() []byte {
	n := b.end - b.pos
	if s := b.pins.Segments(); len(s) > 0 && int64(len(s[0])) >= n {
		return s[0][:n]
	}
	b.bounce = make([]byte, n)
	if b.d.write {
		b.pins.Reads(b.d.ino.Sb.Sched)
		done := 0
		for _, s := range b.pins.Segments() {
			done += copy(b.bounce[done:], s)
		}
	}
	return b.bounce
}

// endIO is the completion in interrupt context (iomap_dio_bio_end_io).
func (b *dioBio) endIO(t *sched.Task, e errno.Errno) {
	d := b.d
	if b.bounce != nil && !d.write && e == errno.OK {
		rest := b.bounce
		for _, s := range b.pins.Segments() {
			rest = rest[copy(s, rest):]
		}
	}
	d.ino.Hooks.DirectBioDone(t, d.ino, b.pos, b.end, d.write, e)
	b.pins.Unpin(t)
	d.bioDone(t, e)
}

// zero writes n zeros at a place on the disk (iomap_dio_zero).
func (d *dio) zero(t *sched.Task, addr, n int64) {
	d.ino.Emit(t, trace.Event{Name: trace.IomapDioZero})
	d.send(t, &block.Request{
		Op: block.OpWrite, Range: block.Range{Off: addr, End: addr + n}, Data: make([]byte, n), Done: d.bioDone,
	})
}

func (d *dio) send(t *sched.Task, r *block.Request) {
	t.Writes(d.obj)
	d.ref++
	d.ino.Sb.Disk.Submit(t, r)
}

// bioDone drops a request's reference and keeps its error.
func (d *dio) bioDone(t *sched.Task, e errno.Errno) {
	t.Writes(d.obj)
	d.setError(e)
	d.put(t)
}
