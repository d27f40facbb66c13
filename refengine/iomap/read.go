package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// readCtx is a read of contiguous locked folios under way; analogous to struct iomap_readpage_ctx and the folios'
// read_bytes_pending.
type readCtx struct {
	ino     *Inode
	folios  []*mm.Folio
	pending []int  // by folio: requests not completed, plus one while the submitter is at it
	failed  []bool // by folio
	left    int    // folios whose read has not ended
	pos     int64
	end     int64
}

// readFolio starts to read one folio (iomap_read_folio).
func (ino *Inode) readFolio(t *sched.Task, f *mm.Folio) {
	ino.Emit(t, trace.Event{Name: trace.ReadFolio, Pos: f.Pos(), End: f.End()})
	ino.startRead(t, []*mm.Folio{f})
}

// readahead starts to read contiguous folios (iomap_readahead).
func (ino *Inode) readahead(t *sched.Task, folios []*mm.Folio) {
	ino.Emit(t, trace.Event{Name: trace.Readahead, Pos: folios[0].Pos(), End: folios[len(folios)-1].End()})
	ino.startRead(t, folios)
}

func (ino *Inode) startRead(t *sched.Task, folios []*mm.Folio) {
	c := &readCtx{
		ino: ino, folios: folios, pending: make([]int, len(folios)), failed: make([]bool, len(folios)),
		left: len(folios), pos: folios[0].Pos(), end: folios[len(folios)-1].End(),
	}
	for i, f := range folios {
		c.pending[i] = 1
		f.HandToIO()
	}
	ino.Hooks.BeginRead(t, ino, c.pos, c.end)
	for pos := c.pos; pos < c.end; {
		pos += c.readExtent(t, pos)
	}
	for i := range folios {
		c.done(t, i)
	}
}

// readExtent handles the blocks of one mapping from pos on, and returns how many bytes that were
// (iomap_readpage_iter): what is valid already is left alone, holes, unwritten blocks and what lies beyond the end of the file are
// zeroed, the rest is read.
func (c *readCtx) readExtent(t *sched.Task, pos int64) int64 {
	ino := c.ino
	start, end := pos, c.end
	if f := c.folios[0]; len(c.folios) == 1 && stateOf(f) != nil {
		if start, end = ino.readRange(t, f, pos, c.end); start >= end {
			return c.end - pos
		}
	}
	im, err := ino.Hooks.Begin(t, ino, start, end-start, 0)
	if err != errno.OK {
		c.each(start, end, func(i int) { c.failed[i] = true })
		return c.end - pos
	}
	end = im.End()
	if im.Type == Inline {
		ino.fillInline(t, c.folios[0])
		return c.end - pos
	}
	eof := roundUp(ino.ReadISize(t), ino.Sb.BlockSize)
	if im.Type != Mapped || start >= eof {
		c.scatter(t, start, end, nil)
		return end - pos
	}
	end = min(end, eof)
	c.submit(t, start, end, im.Addr)
	return end - pos
}

func (c *readCtx) submit(t *sched.Task, pos, end, addr int64) {
	buf := c.ino.Sb.Disk.Buffer(end - pos)
	c.each(pos, end, func(i int) { c.pending[i]++ })
	c.ino.Sb.Disk.Submit(t, &block.Request{
		Op: block.OpRead, Range: block.Range{Off: addr, End: addr + end - pos}, Data: buf,
		Done: func(t *sched.Task, e errno.Errno) { c.endIO(t, pos, end, buf, e) },
	})
}

// endIO is iomap_read_end_io: all folios of the request in one step.
func (c *readCtx) endIO(t *sched.Task, pos, end int64, buf []byte, e errno.Errno) {
	if e == errno.OK {
		c.scatter(t, pos, end, buf)
	}
	c.each(pos, end, func(i int) {
		c.failed[i] = c.failed[i] || e != errno.OK
		c.done(t, i)
	})
}

// done takes one off what the folio's read waits for.
func (c *readCtx) done(t *sched.Task, i int) {
	t.Writes(c.folios[i].Obj())
	if c.pending[i]--; c.pending[i] > 0 {
		return
	}
	c.folios[i].EndRead(t, !c.failed[i])
	t.Writes(c.folios[0].Obj())
	if c.left--; c.left == 0 {
		c.ino.Hooks.EndRead(t, c.ino, c.pos, c.end)
	}
}

// each calls f for every folio that overlaps [pos, end).
func (c *readCtx) each(pos, end int64, f func(i int)) {
	for i, o := range c.folios {
		if o.Pos() < end && o.End() > pos {
			f(i)
		}
	}
}

// scatter copies buf, or zeros for nil, to [pos, end) of the folios, whose blocks are valid then.
func (c *readCtx) scatter(t *sched.Task, pos, end int64, buf []byte) {
	c.each(pos, end, func(i int) {
		f := c.folios[i]
		from, to := max(pos, f.Pos()), min(end, f.End())
		t.Writes(f.Obj())
		if st := stateOf(f); st != nil {
			first, last := c.ino.blockRange(f, from, to)
			st.uptodate.set(first, last)
		}
		if dst := f.Data[from-f.Pos() : to-f.Pos()]; buf == nil {
			clear(dst)
		} else {
			copy(dst, buf[from-pos:])
		}
	})
}
