package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// lockMode is a glock's state or what a holder asks for (LM_ST_UNLOCKED …).
type lockMode uint8

const (
	unlocked  lockMode = iota
	shared             // LM_ST_SHARED: the cache may be read
	deferred           // LM_ST_DEFERRED: direct I/O, no cache
	exclusive          // LM_ST_EXCLUSIVE: the cache may be written
)

// glock is an inode's cluster lock on the only node there is; analogous to struct gfs2_glock with inode_go_sync, inode_go_inval
// and inode_go_held. Its state outlives its holders: what the cache may hold depends on it. Waiters are granted strictly in order.
type glock struct {
	ino     *iomap.Inode
	obj     sched.ObjID
	q       sched.WaitQueue
	state   lockMode
	holders int
	mode    lockMode // what the holders hold
	busy    bool     // the state is changing; the holder that changes it counts already
	queue   []*glockWaiter
	// swPaged says that a page was made writable through a mapping (GIF_SW_PAGED).
	swPaged bool
}

type glockWaiter struct{ mode lockMode }

func newGlock(ino *iomap.Inode) *glock {
	g := &glock{ino: ino}
	l := sched.Label{Class: "glock", Of: ino.Name()}
	g.q.Init(ino.Sb.Sched, l)
	g.obj = g.q.Obj()
	return g
}

// acquire waits for the glock in a mode (gfs2_glock_nq). Whoever may use the cache also waits for direct I/O that was submitted
// under it and is still in flight (inode_go_held).
func (g *glock) acquire(t *sched.Task, mode lockMode) {
	if t.Holds(g.obj) {
		g.bug(t)
	}
	t.Acquiring(g.obj)
	t.Writes(g.obj)
	w := &glockWaiter{mode}
	g.queue = append(g.queue, w)
	g.q.Wait(t, "gfs2_glock_nq", func() bool { return g.queue[0] == w && g.mayGrant(mode) })
	g.queue = g.queue[1:]
	g.holders++
	g.mode = mode
	t.Acquired(g.obj, mode != exclusive)
	if g.state != mode && g.state != exclusive {
		g.xmote(t, mode)
	}
	t.Writes(g.obj)
	g.q.Wake()
	if mode != deferred {
		g.ino.DioWait(t)
	}
}

// mayGrant is may_grant: holders share if they ask for the same and it is not exclusive.
func (g *glock) mayGrant(mode lockMode) bool {
	if g.busy {
		return false
	}
	return g.holders == 0 || (g.mode == mode && mode != exclusive)
}

// xmote changes the glock's state (do_xmote): mappings are unmapped, direct I/O ends, dirty data is written; and before direct I/O
// the whole file leaves the cache. An exclusive glock needs none of that: it grants every mode as it is.
func (g *glock) xmote(t *sched.Task, target lockMode) {
	g.busy = true
	m := g.ino.Mapping
	if g.state != unlocked {
		if g.swPaged {
			m.UnmapMappingRange(t, 0, mm.EOF)
			g.swPaged = false
		}
		g.ino.DioWait(t)
		if err := m.WriteAndWaitRange(t, 0, mm.EOF); err != errno.OK {
			m.SetError(t, err)
		}
	}
	if target == deferred {
		m.TruncateInodePagesRange(t, 0, mm.EOF)
	}
	g.state, g.busy = target, false
}

// release gives the glock back (gfs2_glock_dq). The state stays.
func (g *glock) release(t *sched.Task) {
	if t.Sched().Killing() {
		return
	}
	t.Point(sched.Op{Kind: sched.OpUnlock, Obj: g.obj, Name: "gfs2_glock_dq"}, nil)
	t.Released(g.obj)
	g.holders--
	g.q.Wake()
}
