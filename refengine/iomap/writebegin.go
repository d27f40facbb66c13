package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// writeBegin returns the folio for a write of n bytes at pos, locked, with the parts of blocks valid that the write does not cover
// (iomap_write_begin). nil and OK say that the mapping is stale, which its flag says too. A filesystem that maps under the folio's lock
// has im filled here.
func (ino *Inode) writeBegin(t *sched.Task, im *Iomap, pos, n int64) (*mm.Folio, errno.Errno) {
	f, err := ino.Hooks.GetFolio(t, ino, pos, n)
	if err != errno.OK {
		return nil, err
	}
	if ino.Hooks.StableFolios() {
		f.WaitWriteback(t)
	}
	switch {
	case ino.Hooks.MapsUnderFolio(ino):
		*im, err = ino.Hooks.Begin(t, ino, pos, min(n, f.End()-pos), ForWrite)
	case !ino.valid(t, *im):
		im.Stale = true
	}
	if err == errno.OK && !im.Stale {
		err = ino.prepareBlocks(t, f, *im, pos, min(pos+n, im.End(), f.End()), false)
	}
	if err != errno.OK || im.Stale {
		ino.putFolio(t, f, pos, 0, pos)
		return nil, err
	}
	return f, errno.OK
}

// valid asks the filesystem whether the mapping still holds (iomap_folio_ops.iomap_valid).
func (ino *Inode) valid(t *sched.Task, im Iomap) bool {
	if ino.Sb.Mutants.Has(mutant.IgnoreIomapValid) {
		return true
	}
	return ino.Hooks.Valid(t, ino, im)
}

// prepareBlocks makes the blocks at the ends of [from, to) valid in a locked folio, as far as they are outside of it, and waits,
// keeping the lock (__iomap_write_begin). It trusts the mapping's type, as the kernel does: that is why a stale one must
// not come here. With all set the bytes within are needed too.
func (ino *Inode) prepareBlocks(t *sched.Task, f *mm.Folio, im Iomap, from, to int64, all bool) errno.Errno {
	if im.Type == Inline {
		return ino.fillInline(t, f)
	}
	if from <= f.Pos() && to >= f.End() && !all {
		return errno.OK
	}
	ino.addState(t, f)
	if f.Uptodate(t) {
		return errno.OK
	}
	bs := ino.Sb.BlockSize
	for pos, end := roundDown(from, bs), roundUp(to, bs); pos < end; {
		start, stop := ino.readRange(t, f, pos, end)
		if start >= stop {
			break
		}
		pos = stop
		if inside := from <= start && to >= stop; inside && !all {
			continue
		}
		if err := ino.prepareBlock(t, f, im, start, stop, from, to); err != errno.OK {
			return err
		}
		ino.setUptodate(t, f, start, stop)
	}
	return errno.OK
}

// prepareBlock zeroes or reads whole blocks [start, stop), leaving alone what is to be written, [from, to), if they are zeroed.
func (ino *Inode) prepareBlock(t *sched.Task, f *mm.Folio, im Iomap, start, stop, from, to int64) errno.Errno {
	if ino.needsZeroing(t, im, start) {
		t.Writes(f.Obj())
		zero(f, start, min(from, stop))
		zero(f, max(to, start), stop)
		return errno.OK
	}
	src := ino.wholeBlocks(im.Source())
	return ino.readSync(t, f, src, start, stop)
}

// needsZeroing is iomap_block_needs_zeroing: nothing valid is on the disk.
func (ino *Inode) needsZeroing(t *sched.Task, im Iomap, pos int64) bool {
	src := im.Source()
	return src.Type != Mapped || (im.New && im.Src.Len == 0) || pos >= ino.ReadISize(t)
}

// readSync reads [pos, end) of a locked folio from an extent that holds it, and waits (iomap_read_folio_sync).
func (ino *Inode) readSync(t *sched.Task, f *mm.Folio, e Extent, pos, end int64) errno.Errno {
	e = e.clip(pos, end)
	err := ino.Sb.Disk.SubmitWait(t, &block.Request{
		Op: block.OpRead, Range: block.Range{Off: e.Addr, End: e.Addr + e.Len}, Data: f.Data[pos-f.Pos() : end-f.Pos()],
	})
	t.Writes(f.Obj())
	return err
}

// zero clears [pos, end) of the folio as far as it is within it.
func zero(f *mm.Folio, pos, end int64) {
	pos, end = max(pos, f.Pos()), min(end, f.End())
	if pos < end {
		clear(f.Data[pos-f.Pos() : end-f.Pos()])
	}
}
