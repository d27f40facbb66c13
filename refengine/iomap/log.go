package iomap

import (
	"slices"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// log stands for the filesystem's log, for programs that cut the power: it knows what of the metadata a mount would find. One order of
// transactions is common to all files, so that to force the log for one makes the changes of all files before it durable (xfs_log_force_seq,
// jbd2_complete_transaction, gfs2_log_flush). What is written to the log is not modelled as requests of its own: it becomes durable
// with the answer of the flush that goes before it.
//
//	change  change  capture ── flush ── commit    a cut before the commit leaves the commit before it
//
// A log that is nil costs nothing: metadata are durable then at once, as far as anybody can tell.
type log struct {
	obj       sched.ObjID
	inodes    []*Inode // in the order of their creation
	captures  int
	committed capture
	// freed are blocks that a change not yet committed has given up: a mount would find them in use.
	freed []freedBlocks
	// ordered: data in blocks that were allocated as valid go to the disk before the log does (gfs2_ordered_write).
	ordered bool
}

// capture is the metadata of all files at one moment.
type capture struct {
	number int
	files  []Image
}

// Image is a file as a mount would find it.
type Image struct {
	Name       string
	size       int64
	extents    []Extent // Unwritten and Mapped ones
	inline     []byte
	reflinked  bool
	journalled bool
}

type freedBlocks struct {
	block.Range
	after int // captures taken before they were freed
}

// StartLog makes the filesystem remember what is durable of the metadata. What there is already counts as durable.
func (sb *Super) StartLog(t *sched.Task, inodes []*Inode, ordered bool) {
	sb.log = &log{obj: sb.Sched.NewObj(sched.Label{Class: "log"}), inodes: slices.Clone(inodes), ordered: ordered}
	sb.log.committed = sb.log.capture(t)
}

// capture takes what the log would hold if it were forced now.
func (l *log) capture(t *sched.Task) capture {
	if l == nil {
		return capture{}
	}
	t.Writes(l.obj)
	l.captures++
	c := capture{number: l.captures}
	for _, ino := range l.inodes {
		t.Reads(ino.ILock.Obj())
		c.files = append(c.files, ino.image())
	}
	return c
}

func (ino *Inode) image() Image {
	i := Image{
		Name: ino.name, size: ino.diskSize, inline: slices.Clone(ino.inline), reflinked: ino.reflinked, journalled: ino.Journalled,
	}
	for _, e := range ino.extents.All(0, mm.EOF) {
		if e.Type.Allocated() {
			i.extents = append(i.extents, e)
		}
	}
	return i
}

// writeOrdered writes the data that must be on the disk before the log is.
func (l *log) writeOrdered(t *sched.Task) errno.Errno {
	if l == nil || !l.ordered {
		return errno.OK
	}
	for _, ino := range l.inodes {
		if err := ino.Mapping.WriteAndWaitRange(t, 0, mm.EOF); err != errno.OK {
			return err
		}
	}
	return errno.OK
}

// commit makes a capture what a mount finds, unless a later one is that already, and lets blocks go that were freed before it.
func (sb *Super) commit(t *sched.Task, c capture) {
	l := sb.log
	if l == nil || c.number <= l.committed.number {
		return
	}
	t.Writes(l.obj)
	t.Writes(sb.spaceObj)
	l.committed = c
	l.freed = slices.DeleteFunc(l.freed, func(f freedBlocks) bool {
		if f.after < c.number {
			sb.free = append(sb.free, f.Range)
			return true
		}
		return false
	})
	sb.tidyFree()
}

// giveUp takes blocks that nobody has any more. While a mount would still find them in use they are kept out of the free space
// (xfs_extent_busy, ext4's and btrfs' pinned blocks): data of another file in them would come back as this one's.
func (sb *Super) giveUp(r block.Range) {
	if sb.log == nil || sb.Mutants.Has(mutant.FreedBlocksReused) {
		sb.free = append(sb.free, r)
		return
	}
	sb.log.freed = append(sb.log.freed, freedBlocks{r, sb.log.captures})
}

// Recovered returns what a mount finds after a power cut, in the order in which the files were created.
func (sb *Super) Recovered(t *sched.Task) []Image {
	t.Writes(sb.log.obj)
	return sb.log.committed.files
}

// Recover makes a new file what the image of a mount says, and its blocks taken. It is called for every file of the filesystem before any is
// used.
func (ino *Inode) Recover(t *sched.Task, i Image) {
	t.Writes(ino.ILock.Obj())
	t.Writes(ino.obj)
	ino.diskSize, ino.isize = i.size, i.size
	ino.inline, ino.reflinked, ino.Journalled = slices.Clone(i.inline), i.reflinked, i.journalled
	for _, e := range i.extents {
		ino.extents.Set(e)
		ino.Sb.take(t, e)
	}
}

// take makes an extent's blocks used, by one file more than before.
func (sb *Super) take(t *sched.Task, e Extent) {
	t.Writes(sb.spaceObj)
	for _, part := range sb.parts(e.Addr, e.Len) {
		if sb.cutOut(part.Range) {
			continue
		}
		sb.count(part.Range, part.files+1)
	}
}

// cutOut takes a range out of the free space; false where it was not free. A range is free or not as a whole: files share extents as
// they have them.
func (sb *Super) cutOut(r block.Range) bool {
	i := slices.IndexFunc(sb.free, func(g block.Range) bool { return g.Off <= r.Off && r.End <= g.End })
	if i < 0 {
		return false
	}
	g := sb.free[i]
	rest := slices.DeleteFunc([]block.Range{{Off: g.Off, End: r.Off}, {Off: r.End, End: g.End}}, func(r block.Range) bool { return r.Len() == 0 })
	sb.free = slices.Replace(sb.free, i, i+1, rest...)
	return true
}
