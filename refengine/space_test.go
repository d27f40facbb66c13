package refengine

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// A disk of which all but one block is taken gives that one, and then refuses; what was taken comes back.
func TestAFullDiskRefusesWhatItHasNoBlocksFor(t *testing.T) {
	for _, name := range []string{"xfs", "ext4", "btrfs", "gfs2"} {
		holds(t, Config{FS: name, CountSpace: true}, func(w *world, t *sched.Task) {
			f, _ := w.m.Create(t, "f")
			w.check(w.m.FillDisk(t, page) == errno.OK, name+": fill")
			n, err := f.Write(t, fill('n', page), 0, 0)
			w.check(n == page && err == errno.OK, name+": the block that is left")
			_, err = f.DirectWrite(t, fill('n', page), page, 0)
			w.check(err == errno.ENOSPC, name+": direct write: "+err.String())
			_, err = f.Write(t, fill('n', page), page, 0)
			w.check(err == errno.ENOSPC, name+": buffered write: "+err.String())
			w.m.EmptyDisk(t)
			n, err = f.Write(t, fill('n', page), page, 0)
			w.check(n == page && err == errno.OK, name+": a write once there is room")
		})
	}
}

// Without the account nobody runs out of space, and FillDisk says so.
func TestAMachineThatCountsNoSpaceCannotBeFilled(t *testing.T) {
	holds(t, Config{FS: "xfs"}, func(w *world, t *sched.Task) {
		w.check(w.m.FillDisk(t, 0) == errno.EOPNOTSUPP, "fill")
	})
}

// A write that crosses the limit ends there, one behind it is refused, and other tasks have none.
func TestAFileLimitCutsTheTasksOwnWrites(t *testing.T) {
	holds(t, Config{FS: "ext4"}, func(w *world, t *sched.Task) {
		f, _ := w.m.Create(t, "f")
		w.m.SetFileLimit(t, page)
		n, err := f.Write(t, fill('n', 2*page), 0, 0)
		w.check(n == page && err == errno.OK, "a write across the limit")
		_, err = f.Write(t, fill('n', page), page, 0)
		w.check(err == errno.EFBIG, "a write behind the limit: "+err.String())
		other := t.Go("other", func(t *sched.Task) {
			n, err := f.Write(t, fill('o', page), page, 0)
			w.check(n == page && err == errno.OK, "another task's write")
		})
		t.Join(other)
		w.m.SetFileLimit(t, -1)
		n, err = f.Write(t, fill('n', page), 2*page, 0)
		w.check(n == page && err == errno.OK, "a write without the limit")
	})
}

// What collapse and insert ask of their range.
func TestShiftsAreOfWholeBlocksWithinTheFile(t *testing.T) {
	holds(t, Config{FS: "xfs"}, func(w *world, t *sched.Task) {
		f, _ := w.m.Create(t, "f")
		f.Write(t, fill('o', 4*page), 0, 0)
		for _, c := range []struct {
			mode   fs.Mode
			off, n int64
			want   Errno
		}{
			{fs.CollapseRange, 512, page, errno.EINVAL},
			{fs.CollapseRange, 2 * page, 2 * page, errno.EINVAL},
			{fs.CollapseRange, page, page, errno.OK},
			{fs.InsertRange, 4 * page, page, errno.EINVAL},
			{fs.InsertRange, page, 2 * page, errno.OK},
		} {
			err := f.Fallocate(t, c.mode, c.off, c.n)
			w.check(err == c.want, "fallocate: "+err.String())
		}
		w.check(f.Size() == 5*page, "the size after both")
	})
}

// What the owner may still have it gets, and then EDQUOT, though the disk has room; a file that was given its blocks is written on. A store that
// needs one faults.
func TestAnOwnerWithoutQuotaIsRefusedWhatTheDiskHas(t *testing.T) {
	for _, name := range []string{"xfs", "ext4", "gfs2"} {
		holds(t, Config{FS: name, CountSpace: true}, func(w *world, t *sched.Task) {
			f, _ := w.m.Create(t, "f")
			w.check(f.Truncate(t, 4*page) == errno.OK, name+": truncate")
			w.check(w.m.FillQuota(t, page) == errno.OK, name+": fill")
			n, err := f.Write(t, fill('n', page), 0, 0)
			w.check(n == page && err == errno.OK, name+": the block that is left")
			_, err = f.DirectWrite(t, fill('n', page), page, 0)
			w.check(err == errno.EDQUOT, name+": direct write: "+err.String())
			_, err = f.Write(t, fill('n', page), page, 0)
			w.check(err == errno.EDQUOT, name+": buffered write: "+err.String())
			_, err = f.Store(t, fill('n', page), page)
			w.check(err == errno.EFAULT, name+": store: "+err.String())
			w.check(w.m.FillDisk(t, page) == errno.OK, name+": fill the disk")
			_, err = f.Write(t, fill('n', page), page, 0)
			w.check(err == errno.EDQUOT, name+": write once the disk is full: "+err.String())
			n, err = f.DirectWrite(t, fill('m', page), 0, 0)
			w.check(n == page && err == errno.OK, name+": a block it has")
			w.m.EmptyDisk(t)
			n, err = f.Write(t, fill('n', page), page, 0)
			w.check(n == page && err == errno.OK, name+": a write without limit")
		})
	}
}

func TestAMachineThatCountsNoSpaceHasNoQuota(t *testing.T) {
	holds(t, Config{FS: "xfs"}, func(w *world, t *sched.Task) {
		w.check(w.m.FillQuota(t, 0) == errno.EOPNOTSUPP, "fill")
	})
}
