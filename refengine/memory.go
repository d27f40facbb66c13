package refengine

import (
	"fmt"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// Memory says what memory cgroup the tasks run in. Amounts are in bytes, 0 for no limit. The zero value is no cgroup, and costs
// no scheduling point: nothing is reclaimed but by DropCaches.
type Memory struct {
	Cgroup     bool  // there is a cgroup even without a limit, for SetMemory and Reclaim
	High, Max  int64 // memory.high and memory.max
	DirtyLimit int64 // dirty and written-back memory above which whoever dirties more waits
}

// pages returns an amount in whole pages, without a limit for 0.
func pages(n int64) int64 {
	if n == 0 {
		return mm.Unlimited
	}
	return n / mm.PageSize
}

// initMemory makes the cgroup and looks at what DAX needs.
func (m *Machine) initMemory(c Config) error {
	if c.FSOptions.DAX && (!fs.SupportsDAX(c.FS) || c.BlockSize != mm.PageSize) {
		return fmt.Errorf("make machine: DAX needs xfs or ext4 with blocks of %d bytes, not %s with %d", mm.PageSize, c.FS, c.BlockSize)
	}
	m.dax = c.FSOptions.DAX
	if c.Memory == (Memory{}) {
		return nil
	}
	m.memcg = mm.NewMemcg(m.s, c.Trace)
	m.memcg.High, m.memcg.Max, m.memcg.DirtyLimit = pages(c.Memory.High), pages(c.Memory.Max), pages(c.Memory.DirtyLimit)
	m.sb.Memcg, m.sb.BalanceDirty = m.memcg, m.memcg.BalanceDirty
	return nil
}

// newInode makes an empty file with the attributes that the mount options give it.
func (m *Machine) newInode(name string) *iomap.Inode {
	ino := iomap.NewInode(m.sb, m.fs, name)
	if m.dax {
		ino.SetDAX()
	}
	return ino
}

// SetMemory changes memory.high and memory.max, in bytes, 0 for none, and reclaims what is above them. EOPNOTSUPP without
// a cgroup.
func (m *Machine) SetMemory(t *sched.Task, high, limit int64) Errno {
	if m.memcg == nil {
		return errno.EOPNOTSUPP
	}
	m.memcg.SetMax(t, pages(limit))
	m.memcg.SetHigh(t, pages(high))
	return errno.OK
}

// Reclaim takes n bytes of memory from the cgroup, rounded to pages (memory.reclaim): EAGAIN if there is not as much to take.
func (m *Machine) Reclaim(t *sched.Task, n int64) Errno {
	if m.memcg == nil {
		return errno.EOPNOTSUPP
	}
	if m.memcg.Reclaim(t, n/mm.PageSize)*mm.PageSize < n {
		return errno.EAGAIN
	}
	return errno.OK
}

// Hog touches n bytes of anonymous memory and gives them back: EOPNOTSUPP without a cgroup, ENOMEM if the task was killed for them.
func (m *Machine) Hog(t *sched.Task, n int64) Errno {
	return m.memcg.Hog(t, (n+mm.PageSize-1)/mm.PageSize)
}

// MemoryEvents returns the cgroup's counters (memory.events).
func (m *Machine) MemoryEvents() mm.Events {
	if m.memcg == nil {
		return mm.Events{}
	}
	return m.memcg.Events()
}

// OOMKilled says whether the task was killed because the cgroup is out of memory: its program ends here.
func (m *Machine) OOMKilled(t *sched.Task) bool { return m.memcg.Killed(t) }

// Reclaimer is a task that reclaims at any moment.
type Reclaimer struct {
	m    *Machine
	task *sched.Task
	stop bool
}

// StartReclaim starts a task that tries up to attempts times to take a folio of the strategy's choice, whenever the strategy
// gives it its turn: whatever reclaim may do to the program, some schedule does. It returns nil without a cgroup.
func (m *Machine) StartReclaim(t *sched.Task, attempts int) *Reclaimer {
	if m.memcg == nil {
		return nil
	}
	r := &Reclaimer{m: m}
	r.task = t.Go("kswapd", func(t *sched.Task) { m.memcg.Kswapd(t, attempts, &r.stop) })
	return r
}

// Stop ends the task and waits for it. The program calls it before it ends.
func (r *Reclaimer) Stop(t *sched.Task) {
	if r == nil {
		return
	}
	r.m.memcg.StopKswapd(t, &r.stop)
	t.Join(r.task)
}
