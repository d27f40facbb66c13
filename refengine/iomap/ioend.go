package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// Ioend is a contiguous run of dirty blocks on its way to the disk; analogous to struct iomap_ioend. It belongs to the writeback that
// filled it, and from its submission on to the completion.
type Ioend struct {
	ino       *Inode
	pos       int64 // in the file
	addr      int64 // on the disk
	size      int64 // where its data ends, clipped to the size when it was mapped
	unwritten bool  // IOMAP_IOEND_UNWRITTEN
	shared    bool  // IOMAP_IOEND_SHARED: it comes from the CoW fork
	data      []byte
	folios    []*mm.Folio // each counted in its writeback count once
}

// Range returns the bytes of the file that the run holds, in whole blocks.
func (o *Ioend) Range() (pos, end int64) { return o.pos, o.pos + int64(len(o.data)) }

// continues says whether a mapping can be added to the run.
func (o *Ioend) continues(im Iomap, unwritten bool) bool {
	n := int64(len(o.data))
	return o.pos+n == im.Off && o.addr+n == im.Addr && o.unwritten == unwritten && o.shared == im.Shared
}

// firstRoom is for how many bytes a run has room at first, if the file is that long.
const firstRoom = 64 << 10

// room makes room for n more bytes in the run.
func (o *Ioend) room(t *sched.Task, n int64) {
	have := int64(len(o.data))
	if int64(cap(o.data))-have >= n {
		return
	}
	rest := roundUp(max(o.ino.ReadISize(t)-o.pos, 0), o.ino.Sb.BlockSize)
	grown := o.ino.Sb.Disk.Buffer(max(have+n, 2*have, min(rest, firstRoom)))
	copy(grown, o.data)
	o.data = grown[:have]
}

func (o *Ioend) submit(t *sched.Task) {
	pos, end := o.Range()
	o.ino.Hooks.SubmitIoend(t, o.ino, pos, end)
	if m := o.ino.Sb.Mutants; (o.unwritten && m.Has(mutant.ConvertBeforeData)) || (o.shared && m.Has(mutant.CowRemapBeforeData)) {
		o.ino.FinishWrite(t, pos, end, 0)
	}
	o.ino.Sb.Disk.Submit(t, &block.Request{
		Op: block.OpWrite, Range: block.Range{Off: o.addr, End: o.addr + end - pos}, Data: o.data,
		Done: func(t *sched.Task, e errno.Errno) { o.ino.Hooks.FinishIoend(t, o.ino, o, e) },
	})
}

// Finish is the completion of most filesystems, in interrupt context (xfs_end_bio): what needs a transaction goes to the work queue, and
// the folios are being written until that is done.
func (o *Ioend) Finish(t *sched.Task, e errno.Errno) {
	t.Reads(o.ino.ILock.Obj())
	if !o.unwritten && !o.shared && o.newSize(t) <= o.ino.diskSize {
		o.EndFolios(t, e)
		return
	}
	o.ino.Sb.IoendWorkqueue.Queue(func(t *sched.Task) {
		o.Convert(t, e)
		o.EndFolios(t, e)
	})
}

// Convert makes the run's blocks the file's valid ones and raises the size on disk (xfs_end_ioend); after an error blocks that were
// allocated for it elsewhere are given up, and nothing else changes.
func (o *Ioend) Convert(t *sched.Task, e errno.Errno) {
	pos, end := o.Range()
	if e == errno.OK {
		o.ino.FinishWrite(t, pos, end, o.newSize(t))
		return
	}
	if o.ino.Sb.Mutants.Has(mutant.SizeRaisedOnError) {
		o.ino.FinishWrite(t, pos, pos, o.newSize(t))
	}
	if o.shared {
		o.ino.failCow(t, pos, end)
	}
}

// newSize returns up to where the size on disk may go: over the run's data. Older kernels computed it at completion, and took in what
// another write had appended to the last block meanwhile.
func (o *Ioend) newSize(t *sched.Task) int64 {
	if o.ino.Sb.Release >= ioendSizeAtMapping && !o.ino.Sb.Mutants.Has(mutant.IoendSizeAtCompletion) {
		return o.size
	}
	_, end := o.Range()
	return min(end, o.ino.ReadISize(t))
}

// EndFolios ends the writeback of the run's folios (iomap_finish_ioend).
func (o *Ioend) EndFolios(t *sched.Task, e errno.Errno) {
	o.ino.Mapping.SetError(t, e)
	for _, f := range o.folios {
		f.EndWriteback(t)
	}
}
