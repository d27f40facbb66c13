package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// btrfs follows fs/btrfs/direct-io.c, file.c and extent_io.c. Nothing is overwritten: data goes to new blocks, and when it is there an
// ordered extent is finished, on a work queue and with the range of the file locked, which makes them the file's. Reads
// wait for ordered extents of their range. InvalidateLock stands for i_mmap_lock.
//
// A file with checksums cannot be written directly where the application may change the buffer under the checksum: from
// 6.15 (and 6.12.77) to 7.2 the direct write goes through the cache ("btrfs: always fallback to buffered write if the inode requires checksum"); before,
// nobody looked; later the data is copied first.
//
// # The folio that cannot be released
//
// A direct write writes its range back and invalidates it. On btrfs writeback ends before the ordered extent is finished, and the
// worker that finishes it has the range locked: btrfs_releasepage said no, and invalidation failed for folios that nobody was using. The
// proposal that opened the discussion (May 2020) let iomap take that for a reason to fall back. The reply was that
// ->releasepage should rather sleep on the extent state, if the caller allows. That had been tried: direct I/O waited for the extent
// bits for ever. The engine shows one way to it: reclaim calls ->releasepage from whoever allocates memory, also with the range
// locked, as a direct read did that faulted its buffer in (up to 5.15), and as writeback on behalf of fsync does. Since 6.16 the
// folio may go while an ordered extent is finished, because the worker does not need it. iomap.Behaviour.ReleaseFolio has all three.
type btrfs struct {
	base
	options Options
	files   map[*iomap.Inode]*btrfsInode
}

// btrfsInode is what btrfs keeps of a file beyond the common part; analogous to struct btrfs_inode.
type btrfsInode struct {
	extents rangeLock // EXTENT_LOCKED, and the ordered extents
	dio     rangeLock // EXTENT_DIO_LOCKED: direct reads in flight
	raised  int64     // the size before a direct write under way raised it, -1 if none has; protected by IRwsem
	attr    Attr
	inPlace bool // NODATACOW: blocks that are the file's alone are overwritten
}

func newBtrfs(o Options) *btrfs { return &btrfs{options: o, files: map[*iomap.Inode]*btrfsInode{}} }

func (*btrfs) Name() string { return "btrfs" }

// StableFolios: with or without checksums (btrfs_page_mkwrite, prepare_one_folio).
func (*btrfs) StableFolios() bool { return true }

func (b *btrfs) file(ino *iomap.Inode) *btrfsInode {
	f := b.files[ino]
	if f == nil {
		f = &btrfsInode{raised: -1}
		if b.options.NoDatasum {
			f.attr |= NoDatasum
		}
		f.extents.init(ino.Sb.Sched, "extent lock", ino.Name())
		f.dio.init(ino.Sb.Sched, "dio extent lock", ino.Name())
		b.files[ino] = f
	}
	return f
}

// SetAttr sets NoDatasum and Compressed for what is written from then on (btrfs_fileattr_set). The flag that takes the checksums from
// one file also has it overwritten in place, which the mount option does not.
func (b *btrfs) SetAttr(_ *sched.Task, ino *iomap.Inode, a Attr) errno.Errno {
	if a&^(NoDatasum|Compressed) != 0 {
		return errno.EOPNOTSUPP
	}
	f := b.file(ino)
	f.attr |= a
	f.inPlace = f.inPlace || a&NoDatasum != 0
	return errno.OK
}

// cow returns how blocks of the file are allocated for a write.
func (f *btrfsInode) cow() iomap.BeginFlags {
	if f.inPlace {
		return 0
	}
	return iomap.AlwaysCow
}

// readUnlocked is the first release that unlocks a read's range once its blocks are looked up, and not at its completion
// ("btrfs: do not hold the extent lock for entire read", ac325fc2aad5). Direct reads have another lock for
// that, which only direct I/O takes.
const readUnlocked iomap.Version = 612

// BeginRead waits for writes under way over the range, whose ordered extents are not finished, and locks it
// (btrfs_lock_and_flush_ordered_range). Before readUnlocked the read keeps it.
func (b *btrfs) BeginRead(t *sched.Task, ino *iomap.Inode, pos, end int64) {
	r := &b.file(ino).extents
	if ino.Sb.Mutants.Has(mutant.BtrfsReadsIgnoreOrdered) {
		r.lock(t, pos, end)
	} else {
		r.lockFinished(t, pos, end)
	}
	if ino.Sb.Release >= readUnlocked {
		r.unlock(t, pos, end)
	}
}

// EndRead unlocks the range at the read's completion.
func (b *btrfs) EndRead(t *sched.Task, ino *iomap.Inode, pos, end int64) {
	if ino.Sb.Release < readUnlocked {
		b.file(ino).extents.unlock(t, pos, end)
	}
}

// Begin maps for a read as it is. Buffered writes and stores lock the range, and have no ordered extent under them
// (lock_and_cleanup_extent_if_need, btrfs_page_mkwrite).
func (b *btrfs) Begin(t *sched.Task, ino *iomap.Inode, pos, length int64, flags iomap.BeginFlags) (iomap.Iomap, errno.Errno) {
	switch {
	case flags&iomap.ForDirect != 0:
		return b.directBegin(t, ino, pos, length, flags)
	case flags&iomap.ForWrite == 0:
		return ino.BeginExtents(t, pos, length, flags)
	}
	f := b.file(ino)
	f.extents.lockFinished(t, pos, pos+length)
	defer f.extents.unlock(t, pos, pos+length)
	return ino.BeginExtents(t, pos, length, flags|f.cow())
}

// ReadIter is btrfs_file_read_iter: what a direct read cannot do is read through the cache, also when it is misaligned.
func (b *btrfs) ReadIter(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	n := int64(0)
	if k.Direct && (k.Pos|k.Len())%ino.Sb.BlockSize == 0 {
		var err errno.Errno
		n, err = b.directRead(t, ino, k)
		if err != errno.OK || n == k.Len() || k.Pos+n >= ino.ReadISize(t) {
			return n, err
		}
	}
	more, err := ino.Mapping.ReadIter(t, k.Buf.Slice(n, k.Len()-n), k.Pos+n, k.Nowait, false)
	if n > 0 {
		err = errno.OK
	}
	return n + more, err
}

// WriteIter is btrfs_file_write_iter.
func (b *btrfs) WriteIter(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if k.Direct {
		return b.directWrite(t, ino, k)
	}
	return b.bufferedWrite(t, ino, k)
}

func (*btrfs) bufferedWrite(t *sched.Task, ino *iomap.Inode, k *iomap.Kiocb) (int64, errno.Errno) {
	if !lock(t, ino, false, k.Nowait) {
		return 0, errno.EAGAIN
	}
	n, err := int64(0), btrfsExpand(t, ino, k.Pos)
	if err == errno.OK {
		n, err = ino.BufferedWrite(t, k)
	}
	ino.IRwsem.Unlock(t)
	if err != errno.OK {
		return 0, err
	}
	return writeSync(t, ino, k, n)
}

// expandsBlock is the first release that looks at the write's position itself, and not at its block's: 5.10.223 zeroes nothing before a
// write to the block that the file ends in, 6.1.192 does.
const expandsBlock iomap.Version = 601

// btrfsExpand zeroes what a mapping may have stored behind the end of file in its block, before a write further on makes it visible
// (btrfs_write_check → btrfs_cont_expand → btrfs_truncate_block).
func btrfsExpand(t *sched.Task, ino *iomap.Inode, pos int64) errno.Errno {
	size, bs := ino.ReadISize(t), ino.Sb.BlockSize
	if ino.Sb.Release < expandsBlock {
		pos -= pos % bs
	}
	if size >= pos {
		return errno.OK
	}
	return ino.ZeroPartialBlocks(t, size, min(pos, (size+bs-1)/bs*bs))
}

// Truncate is btrfs_setsize. Shrinking, it sets the size and drops the cache before it waits for direct I/O
// (truncate_setsize, then inode_dio_wait), and takes the blocks away last, with their range locked and no ordered extent in it.
func (b *btrfs) Truncate(t *sched.Task, ino *iomap.Inode, size int64) errno.Errno {
	ino.IRwsem.Lock(t)
	defer ino.IRwsem.Unlock(t)
	if size > ino.ReadISize(t) {
		return resize(t, ino, size)
	}
	ino.SetISize(t, size)
	ino.Mapping.TruncatePagecache(t, size)
	ino.TruncateDioWait(t)
	if err := ino.TruncatePage(t, size); err != errno.OK {
		return err
	}
	r := &b.file(ino).extents
	r.lockFinished(t, size, mm.EOF)
	defer r.unlock(t, size, mm.EOF)
	commitSize(t, ino, size, size)
	return errno.OK
}
