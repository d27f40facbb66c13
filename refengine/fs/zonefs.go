package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// zonefs follows fs/zonefs: each file is a zone of the disk. A sequential zone is written directly, in order, at its write pointer,
// and by nothing else; its size is where the pointer is. A conventional zone is a file of fixed size, written as any. There is no
// way to fall back for a sequential zone, so an invalidation that fails is the application's EBUSY since 6.3 and 6.1.23 ("zonefs:
// Do not propagate iomap_dio_rw() ENOTBLK error to user space").
type zonefs struct {
	base
	options Options
	zones   map[*iomap.Inode]*zone
}

// zone is a sequential zone's state; analogous to struct zonefs_zone. It is protected by the file's i_truncate_mutex in the kernel and
// changes between two scheduling points here; obj stands for it.
type zone struct {
	obj     sched.ObjID
	pointer int64       // z_wpoffset: where the next write has to begin
	written int64       // up to where everything is written; the size follows it
	done    []byteRange // written behind that, ahead of a write before them that is under way
}

// DefaultZoneSize is the size of a zone in bytes where Options do not say.
const DefaultZoneSize = 256 << 10

// returnsEBUSY is the first release that has EBUSY for an invalidation that failed.
const returnsEBUSY iomap.Version = 601

// invalidatesAppends is the first release whose synchronous writes of sequential zones, which did not use iomap then, invalidate the
// last page: "zonefs: Always invalidate last cached page on append write", 6.3 and 6.1.23.
const invalidatesAppends iomap.Version = 601

func newZonefs(o Options) *zonefs {
	if o.ZoneSize == 0 {
		o.ZoneSize = DefaultZoneSize
	}
	return &zonefs{options: o, zones: map[*iomap.Inode]*zone{}}
}

func (*zonefs) Name() string { return "zonefs" }

// Create gives a file its zone (zonefs_get_file_inode).
func (z *zonefs) Create(t *sched.Task, ino *iomap.Inode) errno.Errno {
	size := int64(0)
	if z.options.Conventional {
		size = z.options.ZoneSize
	} else {
		z.zones[ino] = &zone{obj: ino.Sb.Sched.NewObj(sched.Label{Class: "write pointer", Of: ino.Name()})}
	}
	if err := ino.Preallocate(t, 0, z.options.ZoneSize); err != errno.OK {
		return err
	}
	ino.FinishWrite(t, 0, z.options.ZoneSize, size)
	ino.RaiseISize(t, size)
	return errno.OK
}

// ReadIter is zonefs_file_read_iter.
func (z *zonefs) ReadIter(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if !lock(t, ino, true, k.Nowait) {
		return 0, errno.EAGAIN
	}
	defer ino.IRwsem.RUnlock(t)
	if !k.Direct {
		return ino.Mapping.ReadIter(t, k.Buf, k.Pos, k.Nowait, false)
	}
	if (k.Pos|k.Len())%ino.Sb.BlockSize != 0 {
		return 0, errno.EINVAL
	}
	return ino.DioRW(t, k, false, 0)
}

// WriteIter is zonefs_file_write_iter.
func (z *zonefs) WriteIter(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if k.Append {
		k.Pos = z.pointer(t, ino)
	}
	if k.End() > z.options.ZoneSize {
		return 0, errno.EFBIG
	}
	if k.Direct {
		n, err := z.directWrite(t, ino, k)
		if err != errno.ENOTBLK || ino.Sb.Mutants.Has(mutant.ZonefsLeaksENOTBLK) {
			return n, err
		}
		k = k.Rest(0)
	}
	return z.bufferedWrite(t, ino, k)
}

func (z *zonefs) pointer(t *sched.Task, ino *iomap.Inode) int64 {
	if zn := z.zones[ino]; zn != nil {
		t.Reads(zn.obj)
		return zn.pointer
	}
	return ino.ReadISize(t)
}

// bufferedWrite is zonefs_file_buffered_write: writeback would choose the order itself, so sequential zones have none.
func (z *zonefs) bufferedWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if z.zones[ino] != nil {
		return 0, errno.EIO
	}
	if !lock(t, ino, false, k.Nowait) {
		return 0, errno.EAGAIN
	}
	n, err := ino.BufferedWrite(t, k)
	ino.IRwsem.Unlock(t)
	if err != errno.OK {
		return 0, err
	}
	return writeSync(t, ino, k, n)
}

// PageMkwrite is zonefs_filemap_page_mkwrite: a sequential zone cannot be mapped for writing.
func (z *zonefs) PageMkwrite(t *sched.Task, ino *iomap.Inode, f *mm.Folio) errno.Errno {
	if z.zones[ino] != nil {
		return errno.EFAULT
	}
	return z.base.PageMkwrite(t, ino, f)
}

// Truncate is zonefs_file_truncate: a sequential zone can be reset or finished, and nothing else.
func (z *zonefs) Truncate(t *sched.Task, ino *iomap.Inode, size int64) errno.Errno {
	zn := z.zones[ino]
	if zn == nil || (size != 0 && size != z.options.ZoneSize) {
		return errno.EPERM
	}
	ino.IRwsem.Lock(t)
	defer ino.IRwsem.Unlock(t)
	ino.TruncateDioWait(t)
	ino.Mapping.InvalidateLock.Lock(t)
	defer ino.Mapping.InvalidateLock.Unlock(t)
	ino.SetISize(t, size)
	ino.Mapping.TruncatePagecache(t, size)
	t.Writes(zn.obj)
	zn.pointer, zn.written, zn.done = size, size, nil
	ino.SetDiskSize(t, size)
	return errno.OK
}

// Fallocate: a zone's blocks cannot be given or taken.
func (*zonefs) Fallocate(*sched.Task, *iomap.Inode, Mode, int64, int64) errno.Errno {
	return errno.EOPNOTSUPP
}
