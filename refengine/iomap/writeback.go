package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// ioend is a contiguous run of dirty blocks on its way to the disk; analogous to struct iomap_ioend.
type ioend struct {
	ino       *Inode
	pos       int64 // in the file
	addr      int64 // on the disk
	unwritten bool
	data      []byte
	folios    []*mm.Folio // each counted in its writeback count once
}

// writer writes a range of folios out; analogous to struct iomap_writepage_ctx.
type writer struct {
	ino  *Inode
	open *ioend // being filled, not submitted
}

// writepages writes out the dirty folios that overlap [pos, end) (iomap_writepages with WB_SYNC_ALL). The run being
// collected is submitted when the next block does not continue it, and at the end.
func (ino *Inode) writepages(t *sched.Task, pos, end int64) errno.Errno {
	if end <= pos {
		return errno.OK
	}
	w := &writer{ino: ino}
	err := errno.OK
	last := mm.IndexOf(end - 1)
	for f := ino.Mapping.FindFrom(mm.IndexOf(pos), last); f != nil; f = ino.Mapping.FindFrom(f.Next(), last) {
		if !f.Dirty() {
			continue
		}
		if e := w.folio(t, f); err == errno.OK {
			err = e
		}
	}
	w.submit(t)
	return err
}

// folio writes one folio out (folio_prepare_writeback, iomap_writepage_map).
func (w *writer) folio(t *sched.Task, f *mm.Folio) errno.Errno {
	f.Lock(t)
	defer f.Unlock(t)
	if f.Mapping() != w.ino.Mapping || !f.Dirty() {
		return errno.OK
	}
	f.WaitWriteback(t)
	t.Step("folio_clear_dirty_for_io", w.ino.obj)
	if !f.ClearDirtyForIO() {
		return errno.OK
	}
	w.ino.Emit(t, trace.Event{Name: trace.WritebackFolio, Pos: f.Pos(), End: f.End()})
	end := w.handleEOF(f)
	if end <= f.Pos() {
		return errno.OK
	}
	f.StartWriteback()
	err := w.mapBlocks(t, f, end)
	if err != errno.OK {
		w.ino.Mapping.SetError(t, err)
	}
	f.EndWriteback()
	return err
}

// handleEOF returns up to where the folio is to be written, and zeroes what lies behind the end of the file: stores through
// a mapping may have left bytes there (iomap_writepage_handle_eof).
func (w *writer) handleEOF(f *mm.Folio) int64 {
	size := w.ino.isize
	if size >= f.End() {
		return f.End()
	}
	if size > f.Pos() {
		clear(f.Data[size-f.Pos():])
	}
	return size
}

// mapBlocks adds the folio's blocks up to end to runs (iomap_writepage_map_blocks).
func (w *writer) mapBlocks(t *sched.Task, f *mm.Folio, end int64) errno.Errno {
	bs := w.ino.Sb.BlockSize
	end = (end + bs - 1) / bs * bs
	for pos := f.Pos(); pos < end; {
		im, err := w.ino.mapForWriteback(t, pos, end-pos)
		if err != errno.OK {
			return err
		}
		if im.Type != Hole {
			w.add(t, f, im)
		}
		pos = im.End()
	}
	return errno.OK
}

func (w *writer) add(t *sched.Task, f *mm.Folio, im Iomap) {
	unwritten := im.Type == Unwritten
	if o := w.open; o != nil && (o.pos+int64(len(o.data)) != im.Off || o.addr+int64(len(o.data)) != im.Addr || o.unwritten != unwritten) {
		w.submit(t)
	}
	if w.open == nil {
		w.open = &ioend{ino: w.ino, pos: im.Off, addr: im.Addr, unwritten: unwritten}
	}
	o := w.open
	o.data = append(o.data, f.Data[im.Off-f.Pos():im.End()-f.Pos()]...)
	if n := len(o.folios); n == 0 || o.folios[n-1] != f {
		f.StartWriteback()
		o.folios = append(o.folios, f)
	}
}

func (w *writer) submit(t *sched.Task) {
	o := w.open
	if o == nil {
		return
	}
	w.open = nil
	w.ino.Sb.Disk.Submit(t, &block.Request{
		Op: block.OpWrite, Range: block.Range{Off: o.addr, End: o.addr + int64(len(o.data))}, Data: o.data, Done: o.endIO,
	})
}

// endIO is the completion in interrupt context (xfs_end_bio): what needs a transaction goes to the work queue.
func (o *ioend) endIO(t *sched.Task, e errno.Errno) {
	if e == errno.OK && (o.unwritten || o.end() > o.ino.diskSize) {
		o.ino.Sb.IoendWorkqueue.Queue(func(t *sched.Task) {
			o.ino.FinishWrite(t, o.pos, o.pos+int64(len(o.data)), o.end())
			o.finish(t, e)
		})
		return
	}
	o.finish(t, e)
}

// end returns the byte after the data that counts for the size: the run's end, clipped to the size in memory.
func (o *ioend) end() int64 { return min(o.pos+int64(len(o.data)), o.ino.isize) }

// finish ends the writeback of the run's folios (iomap_finish_ioend).
func (o *ioend) finish(t *sched.Task, e errno.Errno) {
	o.ino.Mapping.SetError(t, e)
	for _, f := range o.folios {
		f.EndWriteback()
	}
}
