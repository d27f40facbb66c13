package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// MakeInline lets a file without blocks keep its data in the inode as long as it has at most n bytes: ext4's inline data, gfs2's
// stuffed files. n is less than a block.
func (ino *Inode) MakeInline(n int64) { ino.inline = make([]byte, n) }

// Inline says whether the data is in the inode, and how much can be.
func (ino *Inode) Inline() (int64, bool) { return int64(len(ino.inline)), ino.inline != nil }

// fillInline brings the folio of inline data up to date (iomap_read_inline_data). The folio is locked.
func (ino *Inode) fillInline(t *sched.Task, f *mm.Folio) errno.Errno {
	if f.Uptodate(t) {
		return errno.OK
	}
	t.Reads(ino.ILock.Obj())
	t.Writes(f.Obj())
	clear(f.Data)
	copy(f.Data, ino.inline)
	f.MarkUptodate(t)
	return errno.OK
}

// writeInline copies [pos, end) of the folio to the inode, if that is where the data is (iomap_write_end_inline): the folio does not
// become dirty. It says whether it was.
func (ino *Inode) writeInline(t *sched.Task, f *mm.Folio, pos, end int64) bool {
	if ino.inline == nil || f.Index != 0 || end > int64(len(ino.inline)) {
		return false
	}
	t.Writes(ino.ILock.Obj())
	copy(ino.inline[pos:end], f.Data[pos:end])
	ino.diskSize = max(ino.diskSize, end)
	return true
}

// UninlineFor moves the data to a block if a file of that size cannot be inline; see Uninline.
func (ino *Inode) UninlineFor(t *sched.Task, size int64) errno.Errno {
	if size <= int64(len(ino.inline)) {
		return errno.OK
	}
	return ino.Uninline(t)
}

// Uninline moves inline data to a block: to the cache as dirty data (ext4_convert_inline_data_to_extent, gfs2_unstuff_dinode). The
// caller holds what excludes other writers, and no folio's lock.
func (ino *Inode) Uninline(t *sched.Task) errno.Errno {
	if ino.inline == nil {
		return errno.OK
	}
	f, err := ino.Mapping.GetFolioLocked(t, 0)
	if err != errno.OK {
		return err
	}
	defer f.Unlock(t)
	if ino.inline == nil {
		return errno.OK
	}
	ino.fillInline(t, f)
	t.Writes(ino.ILock.Obj())
	ino.inline = nil
	ino.cookie++
	size := ino.ReadISize(t)
	if size == 0 {
		return errno.OK
	}
	if _, err := ino.Hooks.Begin(t, ino, 0, size, ForWrite); err != errno.OK {
		return err
	}
	ino.addState(t, f)
	ino.setDirty(t, f, 0, size)
	return errno.OK
}

// truncateInline cuts inline data at size.
func (ino *Inode) truncateInline(t *sched.Task, size int64) {
	if size < int64(len(ino.inline)) {
		t.Writes(ino.ILock.Obj())
		clear(ino.inline[size:])
	}
}
