package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// Inode is a file; analogous to struct inode with the filesystem's own part.
type Inode struct {
	Sb    *Super
	Hooks Hooks
	// IRwsem orders reads, writes and size changes of the file (i_rwsem, xfs' IOLOCK).
	IRwsem sched.RWSem
	// ILock protects the extents and DiskSize (xfs' ILOCK, ext4's i_data_sem). It nests inside folio locks.
	ILock   sched.RWSem
	Mapping *mm.Mapping
	// Journalled says that the file's data goes through the journal. Changed under IRwsem while nothing is cached.
	Journalled bool

	name string
	obj  sched.ObjID // stands for i_size at scheduling points
	// isize is i_size: written under IRwsem, or, extending, under a folio lock too; read without a lock.
	isize int64
	// diskSize is the size that a mount finds: raised when data has reached the disk. Protected by ILock.
	diskSize int64
	extents  ExtentMap // the data fork; protected by ILock
	cow      ExtentMap // the CoW fork: see cow.go; protected by ILock
	// cookie and cowCookie change whenever extents of their fork do; an Iomap with others is stale.
	cookie, cowCookie uint32
	// reflinked says that the file may have blocks that others have too (xfs_is_reflink_inode). Protected by ILock.
	reflinked bool
	// changes counts changes of the extents and of the size on disk, synced how many of them are durable. Protected by ILock.
	changes, synced int
	// inline is the data of a file that has no blocks yet, as long as the space for it in the inode; nil for others. It changes under
	// the lock of the file's first folio.
	inline []byte
	dio    sched.Counter // i_dio_count: direct I/Os in flight
}

// NewInode returns an empty file.
func NewInode(sb *Super, h Hooks, name string) *Inode {
	ino := &Inode{Sb: sb, Hooks: h, name: name}
	ino.IRwsem.Init(sb.Sched, sched.Label{Class: "i_rwsem", Of: name})
	ino.ILock.Init(sb.Sched, sched.Label{Class: "ilock", Of: name})
	ino.dio.Init(sb.Sched, sched.Label{Class: "inode_dio_wait", Of: name})
	ino.obj = sb.Sched.NewObj(sched.Label{Class: "i_size", Of: name})
	ino.Mapping = mm.NewMapping(sb.Sched, host{ino}, sb.Trace)
	ino.Mapping.FolioOrder = sb.FolioOrder
	ino.Mapping.Memcg, ino.Mapping.Mutants, ino.Mapping.Release = sb.Memcg, sb.Mutants, int(sb.Release)
	if h, ok := h.(interface{ InitInode(*Inode) }); ok {
		h.InitInode(ino)
	}
	return ino
}

// Name returns the file's name.
func (ino *Inode) Name() string { return ino.name }

// ISize returns the file's size in bytes (i_size_read). It is not a scheduling point.
func (ino *Inode) ISize() int64 { return ino.isize }

// ReadISize is ISize for a task, which declares that it reads it (i_size_read).
func (ino *Inode) ReadISize(t *sched.Task) int64 {
	t.Reads(ino.obj)
	return ino.isize
}

// DiskSize returns the size that a mount would find, in bytes. It is not a scheduling point.
func (ino *Inode) DiskSize() int64 { return ino.diskSize }

// DioWait waits until no direct I/O is in flight (inode_dio_wait).
func (ino *Inode) DioWait(t *sched.Task) {
	ino.Emit(t, trace.Event{Name: trace.InodeDioWait})
	ino.dio.WaitZero(t, "inode_dio_wait")
}

// TruncateDioWait is the inode_dio_wait of the truncate paths, which a mutant leaves out.
func (ino *Inode) TruncateDioWait(t *sched.Task) {
	if !ino.Sb.Mutants.Has(mutant.TruncateNoDioWait) {
		ino.DioWait(t)
	}
}

// Fsync writes the data of [pos, end), forces the log and has the disk make both durable; since is the open file's f_wb_err. Metadata are
// clean once the flush has been answered, not before: until then FUA is not enough for others (xfs_ipincount, IOMAP_F_DIRTY).
func (ino *Inode) Fsync(t *sched.Task, pos, end int64, since *int) errno.Errno {
	if err := ino.Mapping.FileWriteAndWaitRange(t, pos, end, since); err != errno.OK {
		return err
	}
	ino.Hooks.Drain(t, ino)
	t.Reads(ino.ILock.Obj())
	sb, upTo := ino.Sb, ino.changes
	state := sb.log.capture(t)
	if err := sb.log.writeOrdered(t); err != errno.OK {
		return err
	}
	if !sb.Mutants.Has(mutant.FsyncNoFlush) {
		if err := sb.Disk.SubmitWait(t, &block.Request{Op: block.OpFlush}); err != errno.OK {
			return err
		}
	}
	if !sb.Mutants.Has(mutant.FsyncNoLog) {
		sb.commit(t, state)
	}
	t.Writes(ino.ILock.Obj())
	ino.synced = max(ino.synced, upTo)
	return errno.OK
}

// metaDirty says that the metadata which the file's data need are not durable: IOMAP_F_DIRTY. The caller holds ILock.
func (ino *Inode) metaDirty() bool { return ino.changes > ino.synced }

// DiskRanges returns where on the disk [pos, end) of the file is, in file order: the model's FIEMAP. Holes and delalloc
// are left out; the result is never nil, which block.Match would take for everywhere. It is for the program's control of the disk, not part of the filesystem, and takes no lock.
func (ino *Inode) DiskRanges(pos, end int64) []block.Range {
	all := []block.Range{}
	for _, e := range ino.extents.All(pos, end) {
		if e.Type.Allocated() {
			all = append(all, block.Range{Off: e.Addr, End: e.Addr + e.Len})
		}
	}
	return all
}

// Reload drops everything the file has in memory, dirty or not, and takes its state from the disk, as a mount does. The
// caller has written back what should stay.
func (ino *Inode) Reload(t *sched.Task) {
	ino.Mapping.Evict(t)
	ino.ILock.Lock(t)
	defer ino.ILock.Unlock(t)
	ino.dropVolatile(t)
	t.Writes(ino.obj)
	ino.isize = ino.diskSize
}

// host makes an Inode the mm.Host of its mapping.
type host struct{ ino *Inode }

func (h host) Name() string { return h.ino.name }

func (h host) ISize(t *sched.Task) int64 { return h.ino.ReadISize(t) }

func (h host) ReadFolio(t *sched.Task, f *mm.Folio) { h.ino.readFolio(t, f) }

func (h host) Readahead(t *sched.Task, folios []*mm.Folio) { h.ino.readahead(t, folios) }

func (h host) Writepages(t *sched.Task, pos, end int64) errno.Errno {
	return h.ino.Hooks.Writepages(t, h.ino, pos, end)
}

// ReleaseFolio is filemap_release_folio: what is being written stays, and so does the state of a folio that is dirty, since it may
// be dirty in part (iomap_release_folio).
func (h host) ReleaseFolio(t *sched.Task, f *mm.Folio) bool {
	if f.Writeback(t) || f.Dirty(t) || !h.ino.Hooks.ReleaseFolio(t, h.ino, f) {
		return false
	}
	t.Writes(f.Obj())
	f.Private = nil
	return true
}

// InvalidateFolio drops the state of a folio that is truncated whole (iomap_invalidate_folio); what a journal had of it is revoked.
func (h host) InvalidateFolio(t *sched.Task, f *mm.Folio, from, to int64) {
	if from == 0 && to == f.Size() {
		t.Writes(f.Obj())
		f.Private = nil
	}
}

// DirtyFolio marks every block (iomap_dirty_folio).
func (h host) DirtyFolio(t *sched.Task, f *mm.Folio) {
	h.ino.addState(t, f)
	f.MarkDirty(t)
}

func (h host) Fault(t *sched.Task, _ *mm.Mapping, i mm.Index) (*mm.Folio, errno.Errno) {
	return h.ino.Hooks.Fault(t, h.ino, i)
}

func (h host) PageMkwrite(t *sched.Task, f *mm.Folio) errno.Errno {
	return h.ino.Hooks.PageMkwrite(t, h.ino, f)
}
