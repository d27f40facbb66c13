package refengine

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// FillDisk takes the filesystem's free space but for keep bytes, as a file does that nobody can see, until EmptyDisk. EOPNOTSUPP on a
// machine that was not made to count space.
func (m *Machine) FillDisk(t *sched.Task, keep int64) Errno {
	if !m.sb.CountsSpace {
		return errno.EOPNOTSUPP
	}
	if err := m.writeBackAll(t); err != errno.OK {
		return err
	}
	t.Step("fallocate", 0)
	m.ballast = append(m.ballast, m.sb.Fill(t, keep)...)
	return errno.OK
}

// FillQuota lets the owner of the files have keep bytes more than it has, until EmptyDisk. EOPNOTSUPP on a machine that was not made to
// count space.
func (m *Machine) FillQuota(t *sched.Task, keep int64) Errno {
	if !m.sb.CountsSpace {
		return errno.EOPNOTSUPP
	}
	if err := m.writeBackAll(t); err != errno.OK {
		return err
	}
	t.Step("quotactl", 0)
	m.sb.LimitOwner(t, keep)
	return errno.OK
}

// writeBackAll is syncfs(2).
func (m *Machine) writeBackAll(t *sched.Task) Errno {
	for _, ino := range m.inodes {
		if err := ino.Fsync(t, 0, maxSize, new(int)); err != errno.OK {
			return err
		}
	}
	return errno.OK
}

// maxSize is an end behind every file's.
const maxSize = int64(1) << 62

// EmptyDisk gives back what FillDisk took, and ends what FillQuota began.
func (m *Machine) EmptyDisk(t *sched.Task) {
	if m.sb.OwnerLimited() {
		t.Step("quotactl", 0)
		m.sb.UnlimitOwner(t)
	}
	if m.ballast == nil {
		return
	}
	t.Step("close", 0)
	m.sb.Unfill(t, m.ballast)
	m.ballast = nil
}

// SetFileLimit sets RLIMIT_FSIZE of a task, in bytes; a negative number is no limit.
func (m *Machine) SetFileLimit(t *sched.Task, n int64) {
	if n < 0 {
		delete(m.fileLimits, t.ID())
		return
	}
	m.fileLimits[t.ID()] = n
}

// cut makes a write end at the task's limit (generic_write_check_limits); EFBIG if it begins there or behind it.
func (m *Machine) cut(t *sched.Task, k *iomap.Kiocb) Errno {
	limit, limited := m.fileLimits[t.ID()]
	switch {
	case !limited || k.Len() == 0 || k.End() <= limit:
		return errno.OK
	case k.Pos >= limit:
		return errno.EFBIG
	}
	k.Buf = k.Buf.Slice(0, limit-k.Pos)
	return errno.OK
}
