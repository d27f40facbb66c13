package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// DirectHooks is what a filesystem does its own way in the direct path.
type DirectHooks interface {
	// DirectEnd ends what Begin began for direct I/O (->iomap_end): done of the mapping's bytes were submitted. Its error counts
	// only if none were.
	DirectEnd(t *sched.Task, ino *Inode, im Iomap, done int64, write bool) errno.Errno
	// DirectBioDone is told in the completion of each request for file data (the bio's end_io, before iomap's). It must not block.
	DirectBioDone(t *sched.Task, ino *Inode, pos, end int64, write bool, err errno.Errno)
	// DirectEndIO is called once when all of a direct I/O is done (->end_io of struct iomap_dio_ops), before the cache is
	// invalidated again. It may block, unless nothing has to be completed. Its error becomes the result's.
	DirectEndIO(t *sched.Task, ino *Inode, r DirectResult) errno.Errno
	// Drain waits until the metadata names all data that is on the disk: the part of fsync between the data and the flush.
	Drain(t *sched.Task, ino *Inode)
}

// DirectResult is a direct I/O whose requests are done: what ->end_io gets.
type DirectResult struct {
	Pos, End  int64 // the bytes submitted
	Write     bool
	Err       errno.Errno
	Unwritten bool // IOMAP_DIO_UNWRITTEN: blocks have to be converted
	Cow       bool // IOMAP_DIO_COW: what was written elsewhere has to be remapped
}

// DirectWriteEndIO is the ->end_io of filesystems over the simple extents (xfs_dio_write_end_io, ext4_dio_write_end_io): blocks
// become valid before the size shows them, or a direct read behind the old size would find them unwritten.
func (ino *Inode) DirectWriteEndIO(t *sched.Task, r DirectResult) errno.Errno {
	if !r.Write || r.End == r.Pos {
		return r.Err
	}
	if r.Err != errno.OK {
		if r.Cow {
			ino.failCow(t, r.Pos, r.End)
		}
		return r.Err
	}
	grows := r.End > ino.ReadISize(t)
	if grows && ino.Sb.Mutants.Has(mutant.DioSizeBeforeConversion) {
		ino.RaiseISize(t, r.End)
	}
	if newSize := r.End; grows || r.Unwritten || r.Cow {
		if !grows {
			newSize = 0
		}
		ino.FinishWrite(t, r.Pos, r.End, newSize)
	}
	if grows {
		ino.RaiseISize(t, r.End)
	}
	return errno.OK
}
