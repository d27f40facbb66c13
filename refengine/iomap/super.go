package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
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
	Behaviour  Behaviour
	Trace      trace.Sink
	// Memcg is charged for what the files cache; nil without limits.
	Memcg *mm.Memcg
	// DioWorkqueue completes asynchronous direct writes (s_dio_done_wq), IoendWorkqueue buffered ones that need a conversion or a
	// new size (m_unwritten_workqueue).
	DioWorkqueue, IoendWorkqueue sched.WorkQueue

	// BalanceDirty makes a task that dirties memory wait while there is too much of it (balance_dirty_pages_ratelimited_flags); EAGAIN
	// if it must not wait and would have to. nil never waits.
	BalanceDirty func(t *sched.Task, nowait bool) errno.Errno

	// free is the disk's free space, shared what more than one file has, both in the order of position. They change between two
	// scheduling points; spaceObj stands for them.
	free   []block.Range
	shared []sharedBlocks
	// CountsSpace says that reservations are held against what is free, so that ENOSPC comes with the write (s_fdblocks). Without it nobody
	// runs out of space before writeback, and reservations of different files have nothing to do with each other.
	CountsSpace bool
	// quota is how many bytes the owner of all files may have, if it is limited; see LimitOwner.
	quota struct {
		limited bool
		bytes   int64
	}
	// reserved are the bytes promised to delayed allocations; spaceObj stands for them too.
	reserved int64
	spaceObj sched.ObjID
	// log is nil unless StartLog was called.
	log *log
}

// firstBlock is where file data may begin: the space before it stands for the filesystem's own structures.
const firstBlock = 1 << 20

// Init makes the super block usable once the fields above are set.
func (sb *Super) Init() {
	sb.DioWorkqueue.Init(sb.Sched, "dio")
	sb.IoendWorkqueue.Init(sb.Sched, "ioend")
	sb.spaceObj = sb.Sched.NewObj(sched.Label{Class: "free space"})
	sb.free = []block.Range{{Off: firstBlock, End: sb.Disk.Size()}}
}

// Emit hands an event of this file to the sink.
func (ino *Inode) Emit(t *sched.Task, e trace.Event) {
	if ino.Sb.Trace == nil {
		return
	}
	e.Task, e.File, e.Step = t.Name(), ino.name, ino.Sb.Sched.Steps()
	ino.Sb.Trace(e)
}
