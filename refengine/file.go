package refengine

import (
	"hash/crc32"
	"slices"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// Flags change a read or write, as flags of open(2), preadv2(2) and pwritev2(2) do.
type Flags uint8

// The flags.
const (
	Dsync  Flags = 1 << iota // O_DSYNC, RWF_DSYNC: durable when it returns
	Nowait                   // RWF_NOWAIT: EAGAIN instead of waiting
	Append                   // RWF_APPEND: at the end of the file, wherever the call says
)

// File is an open file; analogous to struct file. It may be shared between tasks.
type File struct {
	m     *Machine
	ino   *iomap.Inode
	wbErr int // f_wb_err: up to where writeback errors have been reported here
}

// Create makes an empty file and opens it; EEXIST if there is one of that name.
func (m *Machine) Create(t *sched.Task, name string) (*File, Errno) {
	t.Step("create", m.dir)
	if m.find(name) != nil {
		return nil, errno.EEXIST
	}
	ino := m.newInode(name)
	m.inodes = append(m.inodes, ino)
	if err := m.fs.Create(t, ino); err != errno.OK {
		t.Writes(m.dir)
		m.inodes = slices.DeleteFunc(m.inodes, func(o *iomap.Inode) bool { return o == ino })
		return nil, err
	}
	return m.Open(t, name)
}

// Open opens a file; ENOENT if there is none of that name.
func (m *Machine) Open(t *sched.Task, name string) (*File, Errno) {
	t.Step("open", 0)
	t.Reads(m.dir)
	ino := m.find(name)
	if ino == nil {
		return nil, errno.ENOENT
	}
	return &File{m: m, ino: ino, wbErr: ino.Mapping.SampleWbErr(t)}, errno.OK
}

func (m *Machine) find(name string) *iomap.Inode {
	for _, ino := range m.inodes {
		if ino.Name() == name {
			return ino
		}
	}
	return nil
}

// Name returns the file's name.
func (f *File) Name() string { return f.ino.Name() }

// Size returns the file's size in bytes, as fstat(2) does.
func (f *File) Size() int64 { return f.ino.ISize() }

// DiskRanges returns where on the disk the bytes [off, end) of the file are, holes and delayed allocations left out: the
// model's FIEMAP, for holds by range. It is empty, not nil, for a file whose data has not reached the disk: sync first.
func (f *File) DiskRanges(off, end int64) []block.Range { return f.ino.DiskRanges(off, end) }

// Read is pread(2) through the page cache.
func (f *File) Read(t *sched.Task, p []byte, off int64, flags Flags) (int64, Errno) {
	return f.ReadBuffer(t, mm.Plain(p), off, flags)
}

// DirectRead is pread(2) with O_DIRECT.
func (f *File) DirectRead(t *sched.Task, p []byte, off int64, flags Flags) (int64, Errno) {
	return f.DirectReadBuffer(t, mm.Plain(p), off, flags)
}

// Write is pwrite(2) through the page cache.
func (f *File) Write(t *sched.Task, p []byte, off int64, flags Flags) (int64, Errno) {
	return f.WriteBuffer(t, mm.Plain(p), off, flags)
}

// DirectWrite is pwrite(2) with O_DIRECT.
func (f *File) DirectWrite(t *sched.Task, p []byte, off int64, flags Flags) (int64, Errno) {
	return f.DirectWriteBuffer(t, mm.Plain(p), off, flags)
}

// Fsync is fsync(2). It reports a writeback error that this open file has not reported yet.
func (f *File) Fsync(t *sched.Task) Errno {
	_, err := note(t, 0, f.m.fs.Fsync(t, f.ino, &f.wbErr))
	return err
}

// Fdatasync is fdatasync(2). The model has no metadata that it could leave out.
func (f *File) Fdatasync(t *sched.Task) Errno { return f.Fsync(t) }

// Truncate is ftruncate(2).
func (f *File) Truncate(t *sched.Task, size int64) Errno {
	if size < 0 {
		return errno.EINVAL
	}
	_, err := note(t, 0, f.m.fs.Truncate(t, f.ino, size))
	return err
}

// Fallocate is fallocate(2); EOPNOTSUPP for a mode the model does not have.
func (f *File) Fallocate(t *sched.Task, mode fs.Mode, off, n int64) Errno {
	_, err := note(t, 0, f.m.fs.Fallocate(t, f.ino, mode, off, n))
	return err
}

// Load copies from a shared mapping of the whole file in the calling task's address space, made at its first use. EFAULT
// stands for SIGBUS; n is the bytes copied before it.
func (f *File) Load(t *sched.Task, p []byte, off int64) (int64, Errno) {
	n, err := f.vma(t).Load(t, p, off)
	f.m.memcg.HandleOverHigh(t)
	return f.noteData(t, p, n, err)
}

// Store copies to the mapping; see Load.
func (f *File) Store(t *sched.Task, p []byte, off int64) (int64, Errno) {
	n, err := f.vma(t).Store(t, p, off)
	f.m.memcg.HandleOverHigh(t)
	return note(t, n, err)
}

// Unmap removes the calling task's mapping of the file (munmap(2)); the next Load or Store makes a new one.
func (f *File) Unmap(t *sched.Task) {
	k := vmaKey{t.ID(), f.ino}
	if v := f.m.vmas[k]; v != nil {
		v.Munmap(t)
		delete(f.m.vmas, k)
	}
}

func (f *File) vma(t *sched.Task) *mm.VMA {
	k := vmaKey{t.ID(), f.ino}
	if v := f.m.vmas[k]; v != nil {
		return v
	}
	space := f.m.spaces[t.ID()]
	if space == nil {
		space = mm.NewSpace(f.m.s, t.Name())
		f.m.spaces[t.ID()] = space
	}
	v := f.ino.Mapping.Mmap(t, space)
	f.m.vmas[k] = v
	return v
}

// note mixes a system call's result into the trace hash, so that a replay verifies it. A number that must not leave the kernel, such as
// ENOTBLK, is returned like any other: that it comes out is for judges to see.
func note(t *sched.Task, n int64, err Errno) (int64, Errno) {
	t.Sched().Note(uint64(n)<<16 | uint64(err))
	return n, err
}

// noteData does the same for a call that reads, with the bytes read, where they are not in a mapping.
func (f *File) noteData(t *sched.Task, p []byte, n int64, err Errno) (int64, Errno) {
	if n > 0 && n <= int64(len(p)) {
		t.Sched().Note(uint64(crc32.Checksum(p[:n], crc32.MakeTable(crc32.Castagnoli))))
	}
	return note(t, n, err)
}
