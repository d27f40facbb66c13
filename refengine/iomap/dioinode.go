package iomap

import "github.com/iomapcheck/iomapcheck/refengine/sched"

// RaiseISize makes the file at least that long for whoever reads its size (i_size_write).
func (ino *Inode) RaiseISize(t *sched.Task, size int64) {
	t.Step("i_size_write", ino.obj)
	ino.isize = max(ino.isize, size)
}

// CancelCow gives up what was allocated to write [pos, end) elsewhere: the write failed.
func (ino *Inode) CancelCow(t *sched.Task, pos, end int64) { ino.failCow(t, pos, end) }

// DioBegin counts a direct I/O under way (inode_dio_begin), for filesystems that begin before DioRW does.
func (ino *Inode) DioBegin(t *sched.Task) {
	t.Step("inode_dio_begin", ino.dio.Obj())
	ino.dio.Add(1)
}

// DioEnd ends it (inode_dio_end).
func (ino *Inode) DioEnd(t *sched.Task) {
	t.Step("inode_dio_end", ino.dio.Obj())
	ino.dio.Add(-1)
}

// Digest returns a hash of the file's state in memory: its size, its blocks, its cache. It is not a scheduling point.
func (ino *Inode) Digest() uint64 {
	h := ino.Mapping.Digest() ^ uint64(ino.isize)<<1 ^ uint64(ino.diskSize)<<24 ^ uint64(ino.dio.Count())<<48
	for _, m := range []*ExtentMap{&ino.extents, &ino.cow} {
		for _, e := range m.list {
			h = (h ^ uint64(e.Off)<<32 ^ uint64(e.Len)<<3 ^ uint64(e.Type) ^ uint64(e.Addr)<<16) * 0x9e3779b97f4a7c15
		}
	}
	return h
}
