package refengine

import (
	"fmt"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// EnableCut gives the disk a volatile write cache and the filesystem a log, so that Cut can be used. What there is already is durable. A
// machine without it needs less memory, and its blocks can be reused as soon as they are free.
func (m *Machine) EnableCut(t *sched.Task) {
	t.Step("power", m.dir)
	m.disk.EnableCut()
	m.sb.StartLog(t, m.inodes, m.fs.Name() == "gfs2")
}

// Cut cuts the power; it is a scheduling point. keep chooses what survives of the disk's volatile cache, as block.Disk.CutKeeping says; lost
// are the ranges of the disk whose writes do not. The machine is of no use afterwards: its tasks go on, but the disk refuses all that they
// ask, and nobody hears of what becomes of them.
func (m *Machine) Cut(t *sched.Task, keep func(n, of int) bool) (lost []block.Range) {
	return m.disk.CutKeeping(t, keep)
}

// Restart makes another machine of the same configuration, and mounts what a machine whose power was cut has left: the log is
// replayed, so that the metadata are those of the last commit. It takes no scheduling point, and belongs to the step of the cut.
func (m *Machine) Restart(t *sched.Task, c Config) (*Machine, error) {
	next, err := New(m.s, c)
	if err != nil {
		return nil, fmt.Errorf("restart machine: %w", err)
	}
	next.disk = m.disk.Successor()
	next.sb.Disk = next.disk
	for _, i := range m.sb.Recovered(t) {
		ino := next.newInode(i.Name)
		ino.Recover(t, i)
		next.inodes = append(next.inodes, ino)
	}
	return next, nil
}
