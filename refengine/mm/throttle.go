package mm

import (
	"time"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// reclaimPause is how long a task waits for writeback before it tries again (reclaim_throttle's and balance_dirty_pages'
// timeouts, both about a tenth of a second of virtual time).
const reclaimPause = 100 * time.Millisecond

// maxPauses is after how many pauses BalanceDirty lets a task go on although too much is dirty: the disk does not answer.
const maxPauses = 10

// BalanceDirty makes a task that dirties memory wait while too much of its cgroup is dirty (balance_dirty_pages): what is
// dirty is written out, and the task goes on when the cgroup is below its limit. With nowait it returns EAGAIN instead of waiting. The caller
// holds no folio lock; a buffered writer holds i_rwsem, as in the kernel.
func (c *Memcg) BalanceDirty(t *sched.Task, nowait bool) errno.Errno {
	for n := 0; n < maxPauses && c.dirtyExceeded(t); n++ {
		if nowait {
			return errno.EAGAIN
		}
		c.pause(t, "balance_dirty_pages")
	}
	return errno.OK
}

func (c *Memcg) dirtyExceeded(t *sched.Task) bool {
	if c == nil {
		return false
	}
	t.Reads(c.obj)
	return c.dirty+c.writeback > c.DirtyLimit
}

// flush starts the writeback of everything dirty in the cgroup, in a task of its own, as the flusher of a backing device does:
// the throttled task may hold locks that are not to be held over writing out other files.
func (c *Memcg) flush(t *sched.Task) {
	seen := map[*Mapping]bool{}
	var files []*Mapping
	for _, f := range c.lru {
		if f.dirty && f.mapping != nil && !seen[f.mapping] {
			seen[f.mapping] = true
			files = append(files, f.mapping)
		}
	}
	t.Go("kworker/flush", func(t *sched.Task) {
		for _, m := range files {
			m.Host.Writepages(t, 0, EOF)
		}
	})
}

// pause has everything dirty written and waits until some of it is, or until the disk has had time enough.
func (c *Memcg) pause(t *sched.Task, name string) {
	t.Step(name, c.obj)
	if c.dirty > 0 {
		c.flush(t)
	}
	t.Sleep(reclaimPause)
}

// waitWriteback lets the cgroup's dirty folios become reclaimable (reclaim_throttle with VMSCAN_THROTTLE_WRITEBACK,
// wakeup_flusher_threads); false says that there are none.
func (c *Memcg) waitWriteback(t *sched.Task) bool {
	t.Reads(c.obj)
	if c.dirty+c.writeback == 0 {
		return false
	}
	c.pause(t, "reclaim_throttle")
	return true
}
