package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// SubmitIoend makes the ordered extent of a run of dirty blocks, with the range locked (run_delalloc, btrfs_alloc_ordered_extent).
func (b *btrfs) SubmitIoend(t *sched.Task, ino *iomap.Inode, pos, end int64) {
	r := &b.file(ino).extents
	r.lock(t, pos, end)
	r.order(t, pos, end, false)
	r.unlock(t, pos, end)
}

// FinishIoend ends the writeback of the folios at once, in interrupt context, and leaves the ordered extent to a work queue
// (end_bbio_data_write, btrfs_finish_ordered_extent).
func (b *btrfs) FinishIoend(t *sched.Task, ino *iomap.Inode, o *iomap.Ioend, e errno.Errno) {
	o.EndFolios(t, e)
	pos, end := o.Range()
	ino.Sb.IoendWorkqueue.Queue(func(t *sched.Task) {
		b.finishOrdered(t, ino, pos, end, false, func() { o.Convert(t, e) })
	})
}

// finishOrdered is btrfs_finish_one_ordered: with the range locked the new blocks become the file's; then nobody waits for
// it any more.
func (b *btrfs) finishOrdered(t *sched.Task, ino *iomap.Inode, pos, end int64, direct bool, insert func()) {
	r := &b.file(ino).extents
	r.lockFinishing(t, pos, end)
	insert()
	t.Step("btrfs_remove_ordered_extent", r.q.Obj())
	r.unlock(t, pos, end)
	r.finishOrdered(t, pos, end, direct)
}

// finishDirect finishes a part of a direct write's ordered extent on the work queue.
func (b *btrfs) finishDirect(t *sched.Task, ino *iomap.Inode, pos, end int64, e errno.Errno) {
	b.finishOrdered(t, ino, pos, end, true, func() {
		if e != errno.OK {
			ino.CancelCow(t, pos, end)
			return
		}
		ino.FinishWrite(t, pos, end, min(end, ino.ReadISize(t)))
	})
}

// releaseFinishing is the first release whose btrfs_release_folio lets a folio go while its ordered extent is being finished: "btrfs:
// allow folios to be released while ordered extent is finishing", 6.16.
const releaseFinishing iomap.Version = 616

// ReleaseFolio is btrfs_release_folio with try_release_extent_state.
func (b *btrfs) ReleaseFolio(t *sched.Task, ino *iomap.Inode, f *mm.Folio) bool {
	r, behaviour := &b.file(ino).extents, ino.Sb.Behaviour.ReleaseFolio
	if behaviour == iomap.ReleaseByRelease {
		behaviour = iomap.ReleaseRefuses
		if ino.Sb.Release >= releaseFinishing {
			behaviour = iomap.ReleaseAllows
		}
	}
	t.Step("try_release_extent_state", 0)
	t.Reads(r.q.Obj())
	switch {
	case behaviour == iomap.ReleaseSleeps || ino.Sb.Mutants.Has(mutant.BtrfsReleaseSleeps):
		r.q.Wait(t, "wait_extent_bit", func() bool { return !r.locked(f.Pos(), f.End()) })
		return true
	case behaviour == iomap.ReleaseAllows:
		return !r.busy(f.Pos(), f.End())
	}
	return !r.locked(f.Pos(), f.End())
}

// Drain waits for every ordered extent (btrfs_wait_ordered_range).
func (b *btrfs) Drain(t *sched.Task, ino *iomap.Inode) { b.file(ino).extents.waitOrdered(t, 0, mm.EOF) }
