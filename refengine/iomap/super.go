package iomap

import (
	"sort"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// SectorSize is the disk's logical block size in bytes: the least that direct I/O must be aligned to.
const SectorSize = 512

// Version is a kernel release as major*100+minor, so that releases compare: 6.12 is 612.
type Version int

// Super is a mounted filesystem; analogous to struct super_block. It belongs to one execution.
type Super struct {
	Sched     *sched.Sched
	Disk      *block.Disk
	BlockSize int64 // bytes
	// FolioOrder is the order of new folios.
	FolioOrder uint8
	Release    Version
	Mutants    mutant.Set
	Trace      trace.Sink
	// DioWorkqueue completes asynchronous direct writes (s_dio_done_wq), IoendWorkqueue buffered ones that need a conversion or a
	// new size (m_unwritten_workqueue).
	DioWorkqueue, IoendWorkqueue sched.WorkQueue

	// free is the disk's free space, in the order of position; it changes between two scheduling points.
	free []block.Range
}

// firstBlock is where file data may begin: the space before it stands for the filesystem's own structures.
const firstBlock = 1 << 20

// Init makes the super block usable once the fields above are set.
func (sb *Super) Init() {
	sb.DioWorkqueue.Init(sb.Sched, "dio")
	sb.IoendWorkqueue.Init(sb.Sched, "ioend")
	sb.free = []block.Range{{Off: firstBlock, End: sb.Disk.Size()}}
}

// alloc returns the lowest free disk range of at most n bytes, shorter if none is that long; ENOSPC if there is none. n is a
// multiple of the block size.
func (sb *Super) alloc(n int64) (block.Range, errno.Errno) {
	if len(sb.free) == 0 {
		return block.Range{}, errno.ENOSPC
	}
	g := &sb.free[0]
	r := block.Range{Off: g.Off, End: min(g.End, g.Off+n)}
	if g.Off = r.End; g.Off == g.End {
		sb.free = sb.free[1:]
	}
	return r, errno.OK
}

// release gives the blocks of extents back. They may be allocated again at once: an I/O still in flight to them hits another file.
func (sb *Super) release(extents []Extent) {
	for _, e := range extents {
		if e.Type.Allocated() {
			sb.free = append(sb.free, block.Range{Off: e.Addr, End: e.Addr + e.Len})
		}
	}
	sort.Slice(sb.free, func(i, j int) bool { return sb.free[i].Off < sb.free[j].Off })
	merged := sb.free[:0]
	for _, r := range sb.free {
		if n := len(merged); n > 0 && merged[n-1].End == r.Off {
			merged[n-1].End = r.End
		} else {
			merged = append(merged, r)
		}
	}
	sb.free = merged
}

// Emit hands an event of this file to the sink.
func (ino *Inode) Emit(t *sched.Task, e trace.Event) {
	if ino.Sb.Trace == nil {
		return
	}
	e.Task, e.File, e.Step = t.Name(), ino.name, ino.Sb.Sched.Steps()
	ino.Sb.Trace(e)
}
