package fs

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

func TestRangeLockExcludesOverlapsOnly(t *testing.T) {
	onInode(t, func(t *sched.Task, _ *gfs2, _ *iomap.Inode) {
		var r rangeLock
		r.init(t.Sched(), "extent lock", "f")
		r.lock(t, 10, 20)
		r.lock(t, 20, 30)
		other := t.Go("other", func(t *sched.Task) {
			r.lock(t, 0, 11)
			r.unlock(t, 0, 11)
		})
		_, blocked := t.AwaitBlocked(other)
		must(blocked, "an overlap was granted")
		r.unlock(t, 20, 30)
		_, blocked = t.AwaitBlocked(other)
		must(blocked, "an overlap was granted after another range was unlocked")
		r.unlock(t, 10, 20)
		t.Join(other)
	})
}
