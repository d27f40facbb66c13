// Package fs holds what differs between filesystems: who locks what around the common paths, and what becomes of a direct
// write that cannot be done directly.
package fs

import (
	"fmt"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
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
	ZeroRange Mode = 0x10
)

// Options change what a filesystem does, as mkfs and mount options and file attributes do.
type Options struct {
	NoDatasum bool // btrfs: the files have no checksums, so that direct writes are direct
}

// New returns the personality with that name.
func New(name string, o Options) (Filesystem, error) {
	switch name {
	case "xfs":
		return &xfs{}, nil
	case "ext4":
		return &ext4{}, nil
	case "btrfs":
		return newBtrfs(o), nil
	case "gfs2":
		return newGfs2(), nil
	}
	return nil, fmt.Errorf("find filesystem %q: not one of %v", name, Names())
}

// Names returns the personalities there are.
func Names() []string { return []string{"xfs", "ext4", "btrfs", "gfs2"} }

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

func (base) EndDirectWrite(*iomap.Inode, int64, int64) {}

func (base) StableFolios() bool { return false }

func (base) BeginRead(*sched.Task, *iomap.Inode, int64, int64) {}

func (base) EndRead(*iomap.Inode, int64, int64) {}

func (base) Fsync(t *sched.Task, ino *iomap.Inode, since *int) errno.Errno {
	return ino.Fsync(t, 0, mm.EOF, since)
}

// writeSync is generic_write_sync: an O_DSYNC write makes its bytes durable before it returns.
func writeSync(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb, n int64) (int64, errno.Errno) {
	if n <= 0 || !k.Dsync {
		return n, errno.OK
	}
	if err := ino.Fsync(t, k.Pos, k.Pos+n, k.WbErr); err != errno.OK {
		return 0, err
	}
	return n, errno.OK
}

// directWriteFallback finishes a direct write whose first n bytes were written directly and the next through the page cache
// (direct_write_fallback): they are written back, so that the caller gets what O_DIRECT promises, and leave the cache if they can.
func directWriteFallback(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb, n, buffered int64, err errno.Errno) (int64, errno.Errno) {
	if err != errno.OK {
		if n > 0 {
			return n, errno.OK
		}
		return 0, err
	}
	if buffered == 0 {
		return n, errno.OK
	}
	pos, end := k.Pos+n, k.Pos+n+buffered
	if err := ino.Mapping.WriteAndWaitRange(t, pos, end); err != errno.OK {
		if n > 0 {
			return n, errno.OK
		}
		return 0, err
	}
	ino.Mapping.InvalidateMappingPages(t, pos, end)
	return n + buffered, errno.OK
}

// lock takes IRwsem in the mode asked for; with nowait false says that it would have had to wait.
func lock(t *sched.Task, ino *iomap.Inode, shared, nowait bool) bool {
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
