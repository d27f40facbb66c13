package refengine

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// besideDirectRead returns what a direct write waits for while a direct read of the file is held, "" for nothing.
func besideDirectRead(w *world, t *sched.Task, f *File, off, n int64) string {
	w.m.Disk().Hold(block.Match{Ops: block.Reads})
	reader := t.Go("reader", func(t *sched.Task) { f.DirectRead(t, make([]byte, page), 0, 0) })
	w.m.Disk().AwaitHeld(t, 1)
	writer := t.Go("writer", func(t *sched.Task) { f.DirectWrite(t, fill('n', int(n)), off, 0) })
	what, _ := w.m.AwaitBlocked(t, writer)
	w.releaseAll(t)
	t.Join(reader)
	t.Join(writer)
	return what
}

// A direct read in flight has i_rwsem shared: who shares it goes on.
func TestExt4DirectWritesShareTheInodeAsTheirReleaseDoes(t *testing.T) {
	for _, c := range []struct {
		release string
		off, n  int64
		shares  bool
	}{
		{"6.1", page, page, false}, {"6.3", page, page, true}, // allocated, without data
		{"6.3", 512, 512, false}, {"6.5", 512, 512, true}, // a part of a block with data
		{"6.1", 0, page, true},                                      // a block with data
		{"6.12", page, 512, false}, {"6.12", 2 * page, page, false}, // a part of a block without data; behind the end
	} {
		holds(t, Config{FS: "ext4", Release: c.release}, func(w *world, t *sched.Task) {
			f := w.fileOf(t, page)
			w.check(f.Fallocate(t, fs.Allocate, page, page) == errno.OK, "fallocate")
			what := besideDirectRead(w, t, f, c.off, c.n)
			w.check((what == "") == c.shares, c.release+": the write waits for "+what)
		})
	}
}

func TestExt4WriteThatMustNotWaitIsNotRetriedWithTheInodeToItself(t *testing.T) {
	for _, c := range []struct {
		release string
		off, n  int64
		want    Errno
	}{
		{"6.12", page, page, errno.EAGAIN}, {"6.12", 0, page, errno.OK}, // behind the end; over data
		{"6.12", 512, 512, errno.OK}, {"6.1", 512, 512, errno.EAGAIN}, // within a block
	} {
		holds(t, Config{FS: "ext4", Release: c.release}, func(w *world, t *sched.Task) {
			f := w.fileOf(t, page)
			f.Fallocate(t, fs.KeepSize, page, page)
			_, err := f.DirectWrite(t, fill('n', int(c.n)), c.off, Nowait)
			w.check(err == c.want, c.release+": returns "+err.String())
		})
	}
}

// While it waits for direct I/O, fallocate keeps page faults out on xfs, and not on ext4.
func TestFallocateThatWaitsForDirectIOKeepsFaultsOutOnXfsOnly(t *testing.T) {
	for name, want := range map[string]string{"xfs": "invalidate_lock", "ext4": ""} {
		holds(t, Config{FS: name}, func(w *world, t *sched.Task) {
			f := w.fileOf(t, 2*page)
			w.m.DropCaches(t)
			w.m.Disk().Hold(block.Match{Ops: block.Writes})
			write := f.SubmitWrite(t, fill('n', page), 0, 0)
			puncher := t.Go("puncher", func(t *sched.Task) { f.Fallocate(t, fs.PunchHole|fs.KeepSize, page, page) })
			what, _ := w.m.AwaitBlocked(t, puncher)
			w.check(what == "inode_dio_wait", name+": fallocate waits for "+what)
			loader := t.Go("loader", func(t *sched.Task) { f.Load(t, make([]byte, 1), 0) })
			what, _ = w.m.AwaitBlocked(t, loader)
			w.check(what == want, name+": the fault waits for "+what)
			w.releaseAll(t)
			t.Join(puncher)
			t.Join(loader)
			write.Reap(t)
		})
	}
}

func TestOnlyXfsUnshares(t *testing.T) {
	for _, name := range fs.Names() {
		holds(t, Config{FS: name}, func(w *world, t *sched.Task) {
			f, _ := w.m.Create(t, "f")
			err := f.Fallocate(t, fs.UnshareRange|fs.KeepSize, 0, page)
			w.check((err == errno.OK) == (name == "xfs"), name+" returns "+err.String())
			w.check(name == "xfs" || err == errno.EOPNOTSUPP, name+" returns "+err.String())
		})
	}
}
