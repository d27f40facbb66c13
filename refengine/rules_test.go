package refengine

import (
	"bytes"
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// dirtyDisk fills the space that files will be allocated from with '#', so that blocks which are exposed unwritten show.
func (w *world) dirtyDisk() { w.m.Disk().WriteAt(fill('#', 1<<20), 1<<20) }

func (w *world) create(t *sched.Task) *File {
	f, err := w.m.Create(t, "f")
	w.check(err == errno.OK, "create")
	return f
}

// shows checks what a buffered read and, after a remount, the disk show.
func (w *world) shows(t *sched.Task, f *File, want []byte) {
	p := make([]byte, len(want)+1)
	n, _ := f.Read(t, p, 0, 0)
	w.check(bytes.Equal(p[:n], want), "cache shows "+brief(p[:n]))
	w.check(w.m.Remount(t) == errno.OK, "remount")
	n, _ = f.Read(t, p, 0, 0)
	w.check(bytes.Equal(p[:n], want), "disk shows "+brief(p[:n]))
}

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestDirectReadStopsAtTheEndOfTheFile(t *testing.T) {
	for _, name := range fs.General() {
		holds(t, Config{FS: name}, func(w *world, t *sched.Task) {
			f := w.create(t)
			f.Write(t, fill('a', 5000), 0, 0)
			n, err := f.DirectRead(t, make([]byte, 8192), 0, 0)
			w.check(n == 5000 && err == errno.OK, "over the end")
			n, err = f.DirectRead(t, make([]byte, 4096), 8192, 0)
			w.check(n == 0 && err == errno.OK, "behind the end")
		})
	}
}

func TestDirectWriteWithinABlockZeroesTheRestOfIt(t *testing.T) {
	for _, name := range []string{"xfs", "ext4"} {
		holds(t, Config{FS: name}, func(w *world, t *sched.Task) {
			w.dirtyDisk()
			f := w.create(t)
			f.Fallocate(t, fs.Allocate, 0, 4096)
			n, err := f.DirectWrite(t, fill('n', 512), 1024, 0)
			w.check(n == 512 && err == errno.OK, "write")
			w.shows(t, f, cat(make([]byte, 1024), fill('n', 512), make([]byte, 4096-1536)))
		})
	}
}

func TestDirectWritesWithinOneBlockDoNotZeroEachOther(t *testing.T) {
	for _, name := range []string{"xfs", "ext4"} {
		holds(t, Config{FS: name}, func(w *world, t *sched.Task) {
			f := w.create(t)
			f.Fallocate(t, fs.Allocate, 0, 4096)
			a := t.Go("a", func(t *sched.Task) { f.DirectWrite(t, fill('a', 512), 0, 0) })
			b := t.Go("b", func(t *sched.Task) { f.DirectWrite(t, fill('b', 512), 512, 0) })
			t.Join(a)
			t.Join(b)
			w.shows(t, f, cat(fill('a', 512), fill('b', 512), make([]byte, 3072)))
		})
	}
}

func TestMisalignedDirectIOIsRefusedOrBuffered(t *testing.T) {
	for name, want := range map[string]Errno{"xfs": errno.EINVAL, "ext4": errno.EINVAL, "gfs2": errno.EINVAL, "btrfs": errno.OK} {
		holds(t, Config{FS: name}, func(w *world, t *sched.Task) {
			f := w.oldFile(t)
			_, err := f.DirectWrite(t, fill('n', 100), 10, 0)
			w.check(err == want, "write returns "+err.String())
			_, err = f.DirectRead(t, make([]byte, 100), 10, 0)
			w.check(err == want, "read returns "+err.String())
		})
	}
}

func TestPartialBufferedWriteKeepsTheRestOfTheFolio(t *testing.T) {
	holds(t, Config{FS: "xfs", FolioOrder: 1}, func(w *world, t *sched.Task) {
		f := w.create(t)
		f.Write(t, fill('o', 8192), 0, 0)
		w.m.Remount(t)
		f.Write(t, fill('n', 3000), 3000, 0)
		w.shows(t, f, cat(fill('o', 3000), fill('n', 3000), fill('o', 2192)))
	})
}

// A long buffered write has mapped its range as unwritten. Before it comes to the last folio, that folio is written back, which
// converts its blocks, and evicted. The old mapping says zeros, the disk has data.
func TestStaleMappingIsNotUsed(t *testing.T) {
	r, wrong, token := situation(t, Config{FS: "xfs"}, sched.NewRandom(1), 3000, func(w *world, t *sched.Task) {
		f := w.create(t)
		f.Fallocate(t, fs.Allocate, 0, 8192)
		f.Store(t, fill('x', 4096), 4096)
		f.Unmap(t)
		writer := t.Go("writer", func(t *sched.Task) { f.Write(t, fill('w', 6144), 0, 0) })
		cleaner := t.Go("cleaner", func(t *sched.Task) { f.Fsync(t); w.m.DropCaches(t) })
		t.Join(writer)
		t.Join(cleaner)
		w.shows(t, f, cat(fill('w', 6144), fill('x', 2048)))
	})
	if r != nil {
		t.Errorf("%v %q %s", r, wrong, token)
	}
}

// Bytes stored through a mapping behind the end of the file read as zeros once the file grows over them.
func TestBytesStoredBehindTheEndAreNotExposed(t *testing.T) {
	holds(t, Config{FS: "xfs"}, func(w *world, t *sched.Task) {
		f := w.create(t)
		f.Fallocate(t, fs.KeepSize, 0, 8192) // unwritten blocks under dirty folios
		f.Write(t, fill('a', 100), 0, 0)
		f.Store(t, fill('A', 50), 200)
		f.Write(t, fill('b', 10), 8192, 0)
		w.shows(t, f, cat(fill('a', 100), make([]byte, 8092), fill('b', 10)))
	})
}

func TestWritebackZeroesBehindTheEndOfTheFile(t *testing.T) {
	for _, name := range fs.General() {
		holds(t, Config{FS: name}, func(w *world, t *sched.Task) {
			f := w.create(t)
			f.Write(t, fill('a', 100), 0, 0)
			f.Store(t, fill('A', 50), 200)
			f.Fsync(t)
			p := make([]byte, 4096)
			w.m.Disk().ReadAt(p, f.DiskRanges(0, 4096)[0].Off)
			w.check(bytes.Equal(p, cat(fill('a', 100), make([]byte, 3996))), "disk shows "+string(p[200:204]))
		})
	}
}

func TestFolioUnderWritebackIsNotWrittenAgainBeforeItEnds(t *testing.T) {
	holds(t, Config{FS: "xfs"}, func(w *world, t *sched.Task) {
		f := w.create(t)
		f.Write(t, fill('a', 4096), 0, 0)
		w.m.Disk().Hold(block.Match{Ops: block.Writes})
		first := t.Go("first", func(t *sched.Task) { f.Fsync(t) })
		w.m.Disk().AwaitHeld(t, 1)
		f.Write(t, fill('b', 4096), 0, 0)
		second := t.Go("second", func(t *sched.Task) { f.Fsync(t) })
		what, blocked := w.m.AwaitBlocked(t, second)
		w.check(blocked && what == "folio writeback 0", "second fsync blocked at "+what)
		w.check(len(w.m.Disk().Held()) == 1, "two writes of one folio in flight")
		w.m.Disk().Release(t, block.Everything())
		t.Join(first)
		t.Join(second)
		w.shows(t, f, fill('b', 4096))
	})
}

func TestTruncateExcludesPageFaultsThatRead(t *testing.T) {
	for _, name := range []string{"xfs", "ext4"} {
		holds(t, Config{FS: name}, func(w *world, t *sched.Task) {
			f := w.oldFile(t)
			w.m.Disk().Hold(block.Match{Ops: block.Reads})
			loader := t.Go("loader", func(t *sched.Task) { f.Load(t, make([]byte, 1), 0) })
			w.m.Disk().AwaitHeld(t, 1)
			truncater := t.Go("truncater", func(t *sched.Task) { f.Truncate(t, 4096) })
			what, blocked := w.m.AwaitBlocked(t, truncater)
			w.check(blocked && what == "invalidate_lock", "truncate blocked at "+what)
			w.m.Disk().Release(t, block.Everything())
			t.Join(loader)
			t.Join(truncater)
		})
	}
}

// A glock that is exclusive grants direct I/O and readers as it is; the reader must still wait for a write in flight.
func TestGfs2ReaderWaitsForAsynchronousWriteUnderAnExclusiveGlock(t *testing.T) {
	holds(t, Config{FS: "gfs2"}, func(w *world, t *sched.Task) {
		f := w.oldFile(t)
		w.m.Disk().Hold(block.Match{Ops: block.Writes})
		a := f.SubmitWrite(t, fill('n', k64), 0, 0)
		p := make([]byte, k64)
		reader := t.Go("reader", func(t *sched.Task) { f.Read(t, p, 0, 0) })
		what, blocked := w.m.AwaitBlocked(t, reader)
		w.check(blocked && what == "inode_dio_wait", "reader blocked at "+what)
		w.m.Disk().Release(t, block.Everything())
		n, err := a.Reap(t)
		t.Join(reader)
		w.check(n == k64 && err == errno.OK && w.is(p, 'n'), "read")
	})
}

func TestReadErrorIsReportedAndTheNextReadTriesAgain(t *testing.T) {
	for _, name := range fs.General() {
		holds(t, Config{FS: name}, func(w *world, t *sched.Task) {
			f := w.oldFile(t)
			w.m.Disk().Fail(block.Match{Ops: block.Reads}, errno.EIO, -1)
			p := make([]byte, 4096)
			_, err := f.Read(t, p, 0, 0)
			w.check(err == errno.EIO, "buffered "+err.String())
			_, err = f.DirectRead(t, p, 0, 0)
			w.check(err == errno.EIO, "direct "+err.String())
			_, err = f.Load(t, p, 0)
			w.check(err == errno.EFAULT, "mapped "+err.String())
			w.m.Disk().ClearFaults()
			n, err := f.Read(t, p, 0, 0)
			w.check(n == 4096 && err == errno.OK && w.is(p, 'o'), "after the error")
		})
	}
}

func TestWriteErrorIsReportedByFsyncOnceToEveryOpenFile(t *testing.T) {
	for _, name := range fs.General() {
		holds(t, Config{FS: name}, func(w *world, t *sched.Task) {
			f := w.oldFile(t)
			g, _ := w.m.Open(t, "f")
			f.Write(t, fill('n', 4096), 0, 0)
			w.m.Disk().Fail(block.Match{Ops: block.Writes}, errno.EIO, -1)
			got := []Errno{f.Fsync(t), f.Fsync(t), g.Fsync(t), g.Fsync(t)}
			want := []Errno{errno.EIO, errno.OK, errno.EIO, errno.OK}
			for i := range got {
				w.check(got[i] == want[i], got[i].String())
			}
		})
	}
}

func TestNowaitReturnsEagainInsteadOfWaiting(t *testing.T) {
	holds(t, Config{FS: "xfs"}, func(w *world, t *sched.Task) {
		f := w.oldFile(t)
		p := make([]byte, 4096)
		_, err := f.Read(t, p, 0, Nowait)
		w.check(err == errno.EAGAIN, "buffered read of what is not cached")
		f.Write(t, fill('d', 4096), 0, 0)
		_, err = f.DirectRead(t, p, 0, Nowait)
		w.check(err == errno.EAGAIN, "direct read over dirty cache")
		_, err = f.DirectWrite(t, p, 0, Nowait)
		w.check(err == errno.EAGAIN, "direct write over cache")
		n, err := f.DirectRead(t, p, 8192, Nowait)
		w.check(n == 4096 && err == errno.OK, "direct read of what is not cached")
	})
}

func TestMisalignedDirectIOIsBufferedOnBtrfsAlsoWithoutChecksums(t *testing.T) {
	holds(t, Config{FS: "btrfs", FSOptions: fs.Options{NoDatasum: true}}, func(w *world, t *sched.Task) {
		f := w.oldFile(t)
		n, err := f.DirectWrite(t, fill('n', 100), 10, 0)
		w.check(n == 100 && err == errno.OK, "write")
		w.shows(t, f, cat(fill('o', 10), fill('n', 100), fill('o', k64-110)))
	})
}

// A write that zeroes the rest of a block waits for writes in flight, which it might zero.
func TestExt4WriteWithinABlockWaitsForDirectIOInFlight(t *testing.T) {
	holds(t, Config{FS: "ext4"}, func(w *world, t *sched.Task) {
		f := w.create(t)
		f.Write(t, fill('o', 4096), 0, 0)
		f.Fsync(t)
		f.Fallocate(t, fs.Allocate, 4096, 4096)
		w.m.DropCaches(t)
		w.m.Disk().Hold(block.Match{Ops: block.Writes})
		a := f.SubmitWrite(t, fill('a', 4096), 0, 0)
		writer := t.Go("writer", func(t *sched.Task) { f.DirectWrite(t, fill('b', 512), 4096, 0) })
		what, blocked := w.m.AwaitBlocked(t, writer)
		w.check(blocked && what == "inode_dio_wait", "write blocked at "+what)
		w.m.Disk().Release(t, block.Everything())
		a.Reap(t)
		t.Join(writer)
		w.shows(t, f, cat(fill('a', 4096), fill('b', 512), make([]byte, 3584)))
	})
}
