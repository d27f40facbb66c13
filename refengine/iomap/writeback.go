package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// writer writes a range of folios out; analogous to struct iomap_writepage_ctx.
type writer struct {
	ino  *Inode
	open *Ioend // being filled, not submitted
}

// WriteRange writes out the dirty folios that overlap [pos, end) (iomap_writepages with WB_SYNC_ALL). The run being
// collected is submitted when the next block does not continue it, and at the end.
func (ino *Inode) WriteRange(t *sched.Task, pos, end int64) errno.Errno {
	if end <= pos {
		return errno.OK
	}
	w := &writer{ino: ino}
	err := errno.OK
	last := mm.IndexOf(end - 1)
	for f := ino.Mapping.FindFrom(t, mm.IndexOf(pos), last); f != nil; f = ino.Mapping.FindFrom(t, f.Next(), last) {
		if !f.Dirty(t) {
			continue
		}
		if e := w.folio(t, f); err == errno.OK {
			err = e
		}
	}
	w.submit(t)
	return err
}

// folio writes one folio out (folio_prepare_writeback, iomap_writepage_map). The folio's own count of writeback keeps it from ending
// before all its blocks are submitted.
func (w *writer) folio(t *sched.Task, f *mm.Folio) errno.Errno {
	f.Lock(t)
	defer f.Unlock(t)
	if f.Mapping() != w.ino.Mapping || !f.Dirty(t) {
		return errno.OK
	}
	f.WaitWriteback(t)
	t.Step("folio_clear_dirty_for_io", f.Obj())
	if !f.ClearDirtyForIO(t) || pinned(t, f) {
		return errno.OK // the commit makes what is pinned dirty again
	}
	w.ino.Emit(t, trace.Event{Name: trace.WritebackFolio, Pos: f.Pos(), End: f.End()})
	end := w.handleEOF(t, f)
	if end <= f.Pos() {
		return errno.OK
	}
	f.StartWriteback(t)
	err := w.mapBlocks(t, f, end)
	if err != errno.OK {
		w.ino.Mapping.SetError(t, err)
	}
	f.EndWriteback(t)
	return err
}

// handleEOF returns up to where the folio is to be written, and zeroes what lies behind the end of the file: stores through
// a mapping may have left bytes there (iomap_writepage_handle_eof).
func (w *writer) handleEOF(t *sched.Task, f *mm.Folio) int64 {
	size := w.ino.ReadISize(t)
	if size >= f.End() {
		return f.End()
	}
	if size > f.Pos() && !w.ino.Sb.Mutants.Has(mutant.WritebackKeepsTail) {
		t.Writes(f.Obj())
		clear(f.Data[size-f.Pos():])
	}
	return size
}

// mapBlocks adds the folio's dirty blocks up to end to runs (iomap_writepage_map_blocks). Blocks behind end may be dirty too, since a
// store makes the whole folio so: every mark goes.
func (w *writer) mapBlocks(t *sched.Task, f *mm.Folio, end int64) errno.Errno {
	bs := w.ino.Sb.BlockSize
	end = roundUp(end, bs)
	for pos := f.Pos(); pos < end; {
		from, to := w.dirtyRange(t, f, pos, end)
		pos = to
		for from < to {
			im, err := w.ino.mapForWriteback(t, from, to-from)
			if err != errno.OK {
				w.clean(t, f)
				return err
			}
			if im.Type != Hole {
				w.add(t, f, im)
			}
			from = im.End()
		}
	}
	w.clean(t, f)
	return errno.OK
}

// dirtyRange returns the next range of blocks to be written within [pos, end) (iomap_find_dirty_range). Kernels that do not track dirty
// blocks write all that are valid.
func (w *writer) dirtyRange(t *sched.Task, f *mm.Folio, pos, end int64) (int64, int64) {
	st := stateOf(f)
	if st == nil || w.ino.Sb.Mutants.Has(mutant.WritebackIgnoresBlocks) {
		return pos, end
	}
	t.Reads(f.Obj())
	marks := st.dirty
	if w.ino.Sb.Release < dirtyBlocks {
		marks = st.uptodate
	}
	bs := w.ino.Sb.BlockSize
	first, last := w.ino.blockRange(f, pos, end)
	first, last = marks.run(first, last)
	return f.Pos() + int64(first)*bs, f.Pos() + int64(last)*bs
}

func (w *writer) clean(t *sched.Task, f *mm.Folio) {
	if st := stateOf(f); st != nil {
		t.Writes(f.Obj())
		st.dirty.clear(0, st.blocks)
		st.journal = NotJournalled
	}
}

// add puts a mapping's blocks into the open run, or into a new one if they do not continue it (iomap_add_to_ioend).
func (w *writer) add(t *sched.Task, f *mm.Folio, im Iomap) {
	unwritten := im.Type == Unwritten
	if o := w.open; o != nil && !o.continues(im, unwritten) {
		w.submit(t)
	}
	if w.open == nil {
		w.open = &Ioend{ino: w.ino, pos: im.Off, addr: im.Addr, unwritten: unwritten, shared: im.Shared}
	}
	o := w.open
	t.Reads(f.Obj())
	o.room(t, im.Len)
	o.data = append(o.data, f.Data[im.Off-f.Pos():im.End()-f.Pos()]...)
	o.size = min(im.End(), w.ino.ReadISize(t))
	if n := len(o.folios); n == 0 || o.folios[n-1] != f {
		f.StartWriteback(t)
		o.folios = append(o.folios, f)
	}
}

func (w *writer) submit(t *sched.Task) {
	if w.open != nil {
		w.open.submit(t)
		w.open = nil
	}
}
