package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// Journalled data on gfs2: a write opens a transaction, copies, adds the folio's buffers to it in the hook at the end of the folio, and
// closes it. What is in the running transaction is pinned: writeback passes over it, and release_folio refuses it. A log flush
// writes it to the log, and then writeback writes it in place.

// GetFolio is gfs2_iomap_get_folio.
func (g *gfs2) GetFolio(t *sched.Task, ino *iomap.Inode, pos, n int64) (*mm.Folio, errno.Errno) {
	if !ino.Journalled {
		return g.base.GetFolio(t, ino, pos, n)
	}
	g.logOf(ino).begin(t)
	f, err := g.base.GetFolio(t, ino, pos, n)
	if err != errno.OK {
		g.journal.end(t)
		return nil, err
	}
	ino.AttachBuffers(t, f)
	return f, errno.OK
}

// PutFolio is gfs2_iomap_put_folio: the buffers join the transaction while the folio is locked.
func (g *gfs2) PutFolio(t *sched.Task, ino *iomap.Inode, f *mm.Folio, pos, n int64) {
	if !ino.Journalled {
		ino.UnlockFolio(t, f)
		return
	}
	ino.Emit(t, trace.Event{Name: trace.Gfs2PutFolio, Pos: f.Pos(), End: f.End()})
	g.addDatabufs(t, ino, f, n)
	ino.UnlockFolio(t, f)
	g.journal.end(t)
}

// PageDone is gfs2_iomap_page_done, as it was until 6.2: nothing keeps the buffers from being freed before they join.
func (g *gfs2) PageDone(t *sched.Task, ino *iomap.Inode, f *mm.Folio, pos, n int64) {
	if !ino.Journalled {
		return
	}
	t.Step("gfs2_iomap_page_done", f.Obj())
	ino.Emit(t, trace.Event{Name: trace.Gfs2PageDone, Pos: f.Pos(), End: f.End()})
	g.addDatabufs(t, ino, f, n)
	g.journal.end(t)
}

// addDatabufs is gfs2_trans_add_databufs. A folio without buffers is a null pointer to it.
func (g *gfs2) addDatabufs(t *sched.Task, ino *iomap.Inode, f *mm.Folio, n int64) {
	if ino.Sb.Mutants.Has(mutant.Gfs2DataNotInTransaction) {
		return
	}
	t.Reads(f.Obj())
	if f.Private == nil {
		ino.Oops(t, "BUG: kernel NULL pointer dereference, address: 0000000000000000 RIP: gfs2_page_add_databufs")
	}
	if n == 0 {
		return
	}
	ino.Emit(t, trace.Event{Name: databufs(ino), Pos: f.Pos(), End: f.End()})
	g.journal.add(t, f)
}

// databufs is the event of adding a folio's buffers to the transaction, whose function was renamed with the folio conversion of 6.3.
func databufs(ino *iomap.Inode) string {
	if ino.Sb.Release < 603 {
		return trace.Gfs2PageAddDatabufs
	}
	return trace.Gfs2TransAddDatabufs
}

// ReleaseFolio is gfs2_release_folio.
func (g *gfs2) ReleaseFolio(t *sched.Task, ino *iomap.Inode, f *mm.Folio) bool {
	if !ino.Journalled || ino.Sb.Mutants.Has(mutant.Gfs2ReleaseSkipsTransaction) {
		return true
	}
	ino.Emit(t, trace.Event{Name: trace.Gfs2ReleaseFolio, Pos: f.Pos(), End: f.End()})
	return g.logOf(ino).mayRelease(t, f)
}

// Writepages is gfs2_jdata_writepages: what stores through mappings have dirtied joins a transaction, what is pinned is passed over,
// the log is flushed, and then all of it is written in place.
func (g *gfs2) Writepages(t *sched.Task, ino *iomap.Inode, pos, end int64) errno.Errno {
	if !ino.Journalled {
		return ino.WriteRange(t, pos, end)
	}
	j := g.logOf(ino)
	j.begin(t)
	ino.EachDirty(t, pos, end, func(f *mm.Folio) {
		if iomap.JournalStateOf(t, f) == iomap.Checked {
			ino.Emit(t, trace.Event{Name: databufs(ino), Pos: f.Pos(), End: f.End()})
			j.add(t, f)
		}
	})
	j.end(t)
	if err := ino.WriteRange(t, pos, end); err != errno.OK {
		return err
	}
	if !ino.Sb.Mutants.Has(mutant.Gfs2NoLogFlush) {
		if err := j.commit(t, ino); err != errno.OK {
			return err
		}
	}
	return ino.WriteRange(t, pos, end)
}

// SetAttr takes Journalled (chattr +j).
func (g *gfs2) SetAttr(t *sched.Task, ino *iomap.Inode, a Attr) errno.Errno {
	return setJournalled(t, ino, a)
}
