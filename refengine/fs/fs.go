// Package fs holds what differs between filesystems: who locks what around the common paths, and what becomes of a direct
// write that cannot be done directly.
package fs

import (
	"fmt"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// Filesystem is one personality: the file operations of one kind of filesystem over the common paths. It belongs to one
// mounted filesystem, and may keep state per inode.
type Filesystem interface {
	iomap.Hooks
	// Name returns the name mount(8) knows.
	Name() string
	// ReadIter and WriteIter are ->read_iter and ->write_iter: they take the locks and choose the path. EIOCBQUEUED says that
	// the completion comes later; no other kernel-internal number is returned.
	ReadIter(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno)
	WriteIter(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno)
	// Truncate sets the file's size (->setattr). The caller holds no lock.
	Truncate(t *sched.Task, ino *iomap.Inode, size int64) errno.Errno
	// Fallocate is ->fallocate.
	Fallocate(t *sched.Task, ino *iomap.Inode, mode Mode, off, n int64) errno.Errno
	// Create prepares a new file.
	Create(t *sched.Task, ino *iomap.Inode) errno.Errno
	// Clone makes a range of dst the same blocks as one of src (->remap_file_range); see refengine.File.CloneRange for the arguments' rules.
	Clone(t *sched.Task, src *iomap.Inode, pos int64, dst *iomap.Inode, dstPos, n int64) errno.Errno
	// SetAttr adds attributes to a file (FS_IOC_SETFLAGS); EOPNOTSUPP for what the filesystem does not have.
	SetAttr(t *sched.Task, ino *iomap.Inode, a Attr) errno.Errno
	// Fsync is ->fsync of the whole file; since is the open file's f_wb_err.
	Fsync(t *sched.Task, ino *iomap.Inode, since *int) errno.Errno
}

// Mode is fallocate(2)'s.
type Mode int

// The modes, with Linux' values.
const (
	Allocate  Mode = 0x00
	KeepSize  Mode = 0x01
	PunchHole Mode = 0x02 // only with KeepSize
	// CollapseRange takes a range out of the file, InsertRange puts a hole in: what is behind moves. xfs, ext4 and bcachefs.
	CollapseRange Mode = 0x08
	ZeroRange     Mode = 0x10
	InsertRange   Mode = 0x20
	// UnshareRange gives the file blocks of its own for what it shares with others; xfs only.
	UnshareRange Mode = 0x40
)

// Options change what a filesystem does, as mkfs and mount options and file attributes do.
type Options struct {
	JournalData  bool  // ext4, gfs2: the files' data is journalled (data=journal, FS_JOURNAL_DATA_FL)
	InlineData   bool  // ext4, gfs2: small files keep their data in the inode
	DAX          bool  // xfs, ext4: the files' pages are the storage (dax=always)
	NoDatasum    bool  // btrfs: the files have no checksums, so that direct writes are direct
	Conventional bool  // zonefs: the files are conventional zones, not sequential ones
	ZoneSize     int64 // zonefs: bytes, a multiple of the block size; 0 means DefaultZoneSize
}

// Attr are attributes of one file that change its paths, as chattr(1) sets them.
type Attr uint8

// The attributes.
const (
	NoDatasum  Attr = 1 << iota // btrfs: no checksums (FS_NOCOW_FL), so that direct writes are direct
	Compressed                  // btrfs: what is written is compressed (FS_COMPR_FL): direct I/O goes through the cache
	DAX                         // xfs, ext4: the pages are the storage (FS_XFLAG_DAX); only while the file is empty
	Journalled                  // ext4, gfs2: the file's data is journalled (FS_JOURNAL_DATA_FL)
)

func (base) Create(*sched.Task, *iomap.Inode) errno.Errno { return errno.OK }

func (base) SetAttr(*sched.Task, *iomap.Inode, Attr) errno.Errno { return errno.EOPNOTSUPP }

// New returns the personality with that name.
func New(name string, o Options) (Filesystem, error) {
	switch name {
	case "xfs":
		return &xfs{}, nil
	case "ext4":
		return newExt4(o), nil
	case "btrfs":
		return newBtrfs(o), nil
	case "gfs2":
		return newGfs2(o), nil
	case "zonefs":
		return newZonefs(o), nil
	case "bcachefs":
		return newBcachefs(), nil
	}
	return nil, fmt.Errorf("find filesystem %q: not one of %v", name, Names())
}

// Names returns the personalities there are.
func Names() []string { return append(General(), "zonefs") }

// General returns those whose files can be written at any place, in any order and by any means.
func General() []string { return []string{"xfs", "ext4", "btrfs", "gfs2", "bcachefs"} }

// base is what filesystems do alike, unless they say otherwise.
type base struct{}

func (base) Begin(t *sched.Task, ino *iomap.Inode, pos, length int64, flags iomap.BeginFlags) (iomap.Iomap, errno.Errno) {
	return ino.BeginExtents(t, pos, length, flags)
}

func (base) Fault(t *sched.Task, ino *iomap.Inode, i mm.Index) (*mm.Folio, errno.Errno) {
	return ino.Mapping.FilemapFault(t, i)
}

// PageMkwrite takes invalidate_lock shared around the common path (ext4_page_mkwrite; xfs' MMAPLOCK is the same lock).
func (base) PageMkwrite(t *sched.Task, ino *iomap.Inode, f *mm.Folio) errno.Errno {
	ino.Mapping.InvalidateLock.RLock(t)
	defer ino.Mapping.InvalidateLock.RUnlock(t)
	return ino.IomapPageMkwrite(t, f)
}

func (base) ReleaseFolio(*sched.Task, *iomap.Inode, *mm.Folio) bool { return true }

func (base) StableFolios() bool { return false }

func (base) BeginRead(*sched.Task, *iomap.Inode, int64, int64) {}

func (base) EndRead(*sched.Task, *iomap.Inode, int64, int64) {}

func (base) Fsync(t *sched.Task, ino *iomap.Inode, since *int) errno.Errno {
	return ino.Fsync(t, 0, mm.EOF, since)
}

// writeSync is generic_write_sync: an O_DSYNC write makes its bytes durable before it returns.
func writeSync(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb, n int64) (int64, errno.Errno) {
	if n <= 0 || !k.Dsync || ino.Sb.Mutants.Has(mutant.WriteNotSynced) {
		return n, errno.OK
	}
	if err := ino.Fsync(t, k.Pos, k.Pos+n, k.WbErr); err != errno.OK {
		return 0, err
	}
	return n, errno.OK
}

// lock takes IRwsem in the mode asked for; with nowait false says that it would have had to wait.
func lock(t *sched.Task, ino *iomap.Inode, shared, nowait bool) bool {
	nowait = nowait && !ino.Sb.Mutants.Has(mutant.NowaitWriteWaits)
	switch {
	case nowait && shared:
		return ino.IRwsem.TryRLock(t)
	case nowait:
		return ino.IRwsem.TryLock(t)
	case shared:
		ino.IRwsem.RLock(t)
	default:
		ino.IRwsem.Lock(t)
	}
	return true
}

func unlock(t *sched.Task, ino *iomap.Inode, shared bool) {
	if shared {
		ino.IRwsem.RUnlock(t)
	} else {
		ino.IRwsem.Unlock(t)
	}
}
