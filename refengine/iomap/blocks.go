package iomap

import (
	"math/bits"

	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// folioState says which blocks of a folio hold valid data, and which the disk lacks; analogous to struct iomap_folio_state, and
// for filesystems with buffer heads to those. A folio of one block has none, unless it is journalled. It is protected by the
// folio's lock, except that completions of reads make blocks uptodate.
type folioState struct {
	blocks          int
	uptodate, dirty bitmap
	journal         JournalState
}

// DirtyFolio makes every block dirty (iomap_dirty_folio): a store through a mapping does not say where.
func (st *folioState) DirtyFolio() { st.dirty.set(0, st.blocks) }

// bitmap is a set of block numbers.
type bitmap []uint64

func (b bitmap) set(from, to int) {
	for i := from; i < to; i++ {
		b[i/64] |= 1 << (i % 64)
	}
}

func (b bitmap) clear(from, to int) {
	for i := from; i < to; i++ {
		b[i/64] &^= 1 << (i % 64)
	}
}

func (b bitmap) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

func (b bitmap) count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// run returns the first run of set bits within [from, to); it is empty if there is none.
func (b bitmap) run(from, to int) (int, int) {
	for from < to && !b.has(from) {
		from++
	}
	end := from
	for end < to && b.has(end) {
		end++
	}
	return from, end
}

func stateOf(f *mm.Folio) *folioState {
	st, _ := f.Private.(*folioState)
	return st
}

// addState returns the folio's state, attaching one if it lacks it and has more than one block (ifs_alloc). The folio is locked.
func (ino *Inode) addState(t *sched.Task, f *mm.Folio) *folioState {
	if st := stateOf(f); st != nil || f.Size() <= ino.Sb.BlockSize {
		return st
	}
	return ino.attachState(t, f)
}

// attachState does so for a folio of any size (create_empty_buffers).
func (ino *Inode) attachState(t *sched.Task, f *mm.Folio) *folioState {
	if st := stateOf(f); st != nil {
		return st
	}
	n := max(1, int(f.Size()/ino.Sb.BlockSize))
	words := make(bitmap, 2*((n+63)/64))
	st := &folioState{blocks: n, uptodate: words[:len(words)/2], dirty: words[len(words)/2:]}
	if f.Uptodate(t) {
		st.uptodate.set(0, n)
	}
	if f.Dirty(t) {
		st.dirty.set(0, n)
	}
	t.Writes(f.Obj())
	f.Private = st
	return st
}

// blockRange returns the numbers of the folio's blocks that [pos, end) touches.
func (ino *Inode) blockRange(f *mm.Folio, pos, end int64) (int, int) {
	bs := ino.Sb.BlockSize
	return int((pos - f.Pos()) / bs), int((end - f.Pos() + bs - 1) / bs)
}

// setUptodate says that the blocks which [pos, end) touches are valid, and with the last of them the folio
// (iomap_set_range_uptodate).
func (ino *Inode) setUptodate(t *sched.Task, f *mm.Folio, pos, end int64) {
	st := stateOf(f)
	if st != nil {
		first, last := ino.blockRange(f, pos, end)
		st.uptodate.set(first, last)
		t.Writes(f.Obj())
	}
	if st == nil || st.uptodate.count() == st.blocks {
		f.MarkUptodate(t)
	}
}

// setDirty marks the blocks that [pos, end) touches, and the folio (iomap_set_range_dirty, filemap_dirty_folio).
func (ino *Inode) setDirty(t *sched.Task, f *mm.Folio, pos, end int64) {
	if st := stateOf(f); st != nil {
		first, last := ino.blockRange(f, pos, end)
		st.dirty.set(first, last)
	}
	f.MarkPartlyDirty(t)
}

// readRange returns the next part of [pos, end) of a locked folio that has to be read or zeroed, empty if there is none
// (iomap_adjust_read_range): without the blocks that are valid already, and up to the block that holds the end of
// the file, since what lies behind it is zeros and not on the disk. pos and end are multiples of the block size.
func (ino *Inode) readRange(t *sched.Task, f *mm.Folio, pos, end int64) (int64, int64) {
	bs := ino.Sb.BlockSize
	if st := stateOf(f); st != nil {
		t.Reads(f.Obj())
		first, last := ino.blockRange(f, pos, end)
		for first < last && st.uptodate.has(first) {
			first++
		}
		stop := first
		for stop < last && !st.uptodate.has(stop) {
			stop++
		}
		pos, end = f.Pos()+int64(first)*bs, f.Pos()+int64(stop)*bs
	}
	if eof := roundUp(ino.ReadISize(t), bs); pos < eof && eof < end {
		end = eof
	}
	return pos, end
}

func roundUp(pos, to int64) int64   { return (pos + to - 1) / to * to }
func roundDown(pos, to int64) int64 { return pos / to * to }
