package refengine

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

func TestSequentialZoneIsWrittenDirectlyAtItsPointerAndByNothingElse(t *testing.T) {
	holds(t, Config{FS: "zonefs"}, func(w *world, t *sched.Task) {
		f := w.create(t)
		expect := func(what string, want Errno, err Errno) { w.check(err == want, what+" returns "+err.String()) }
		_, err := f.DirectWrite(t, fill('a', page), 0, 0)
		expect("a write at the pointer", errno.OK, err)
		_, err = f.DirectWrite(t, fill('b', page), 0, 0)
		expect("a write behind the pointer", errno.EINVAL, err)
		_, err = f.DirectWrite(t, fill('b', 512), page, 0)
		expect("a misaligned write", errno.EINVAL, err)
		_, err = f.Write(t, fill('b', page), page, 0)
		expect("a buffered write", errno.EIO, err)
		_, err = f.Store(t, fill('b', 1), 0)
		expect("a store", errno.EFAULT, err)
		_, err = f.DirectWrite(t, fill('b', page), fs.DefaultZoneSize, 0)
		expect("a write behind the zone", errno.EFBIG, err)
		_, err = f.SubmitWrite(t, fill('b', page), page, Nowait).Reap(t)
		expect("an asynchronous write that must not wait", errno.EOPNOTSUPP, err)
		_, err = f.DirectRead(t, make([]byte, 512), 0, 0)
		expect("a misaligned read", errno.EINVAL, err)
		expect("fallocate", errno.EOPNOTSUPP, f.Fallocate(t, fs.Allocate, 0, page))
		expect("truncation to the middle", errno.EPERM, f.Truncate(t, 512))
		_, err = f.DirectWrite(t, fill('b', page), 0, Append)
		expect("an append", errno.OK, err)
		w.shows(t, f, cat(fill('a', page), fill('b', page)))
		expect("a reset", errno.OK, f.Truncate(t, 0))
		_, err = f.DirectWrite(t, fill('c', page), 0, 0)
		expect("a write after the reset", errno.OK, err)
		w.shows(t, f, fill('c', page))
	})
}

func TestConventionalZoneHasAFixedSizeAndIsWrittenAsAnyFile(t *testing.T) {
	holds(t, Config{FS: "zonefs", FSOptions: fs.Options{Conventional: true, ZoneSize: 4 * page}}, func(w *world, t *sched.Task) {
		f := w.create(t)
		w.check(f.Size() == 4*page && f.Truncate(t, 0) == errno.EPERM, "size")
		f.Write(t, fill('a', page), page, Dsync)
		f.Store(t, fill('b', page), 2*page)
		f.DirectWrite(t, fill('c', page), 3*page, 0)
		w.shows(t, f, cat(make([]byte, page), fill('a', page), fill('b', page), fill('c', page)))
	})
}

func TestZonefsFallsBackForConventionalZonesUpTo60(t *testing.T) {
	for release, want := range map[string]Errno{"5.10": errno.OK, "6.1": errno.EBUSY, "6.12": errno.EBUSY} {
		holds(t, Config{FS: "zonefs", Release: release, FSOptions: fs.Options{Conventional: true}}, redirtied(want))
	}
}

func TestBtrfsWritesCompressedFilesThroughTheCache(t *testing.T) {
	for attr, direct := range map[fs.Attr]bool{fs.NoDatasum: true, fs.NoDatasum | fs.Compressed: false} {
		holds(t, Config{FS: "btrfs"}, func(w *world, t *sched.Task) {
			f := w.create(t)
			w.check(f.SetAttr(t, attr) == errno.OK && f.SetAttr(t, fs.Journalled) == errno.EOPNOTSUPP, "set attributes")
			f.Write(t, fill('o', page), 0, Dsync)
			w.m.DropCaches(t)
			before := w.count(trace.WritebackFolio)
			n, err := f.DirectWrite(t, fill('n', page), 0, 0)
			w.check(n == page && err == errno.OK, "write")
			w.check((w.count(trace.WritebackFolio) == before) == direct, "the path")
			f.Fsync(t) // ends the ordered extent
			_, err = f.DirectWrite(t, fill('n', page), 0, Nowait)
			w.check((err == errno.OK) == direct, "without waiting: "+err.String())
			w.shows(t, f, fill('n', page))
		})
	}
}

func TestBtrfsWritesChecksummedFilesDirectlyBefore612AndFrom73(t *testing.T) {
	for release, direct := range map[string]bool{"5.10": true, "6.1": true, "6.12": false, "7.2": false, "7.3": true} {
		holds(t, Config{FS: "btrfs", Release: release}, func(w *world, t *sched.Task) {
			f := w.fileOf(t, page)
			before := w.count(trace.WritebackFolio)
			f.DirectWrite(t, fill('n', page), 0, 0)
			w.check((w.count(trace.WritebackFolio) == before) == direct, release)
			w.shows(t, f, fill('n', page))
		})
	}
}

// The deadlock of 5.10: the fault for the buffer waits for the ordered extent of the very write that needs the buffer.
func TestBtrfsDirectWriteFromItselfDeadlocksUpTo515(t *testing.T) {
	c := Config{FS: "btrfs", Release: "5.10", FSOptions: fs.Options{NoDatasum: true}}
	if r, _, _ := situation(t, c, sched.NewRandom(1), 1, directWriteFromItself); r == nil || r.Outcome != sched.Deadlock {
		t.Errorf("5.10: %v", r)
	}
}

func TestXfsAndExt4WriteDirectlyFromAMappingOfTheRange(t *testing.T) {
	for _, name := range []string{"xfs", "ext4"} {
		holds(t, Config{FS: name}, func(w *world, t *sched.Task) {
			f := w.fileOf(t, page)
			n, err := f.DirectWriteBuffer(t, f.Memory(t, 0, page), 0, 0)
			w.check(n == page && err == errno.OK, "write returns "+err.String())
			w.shows(t, f, fill('o', page))
		})
	}
}

func TestDirectReadIntoAMappingOfAnotherFile(t *testing.T) {
	for _, name := range fs.General() {
		holds(t, Config{FS: name}, func(w *world, t *sched.Task) {
			g, _ := w.m.Create(t, "g")
			g.Write(t, fill('g', 2*page), 0, 0)
			f := w.fileOf(t, 2*page)
			n, err := f.DirectReadBuffer(t, g.Memory(t, 0, 2*page), 0, 0)
			w.check(n == 2*page && err == errno.OK, "read returns "+err.String())
			w.shows(t, g, fill('o', 2*page))
		})
	}
}

func TestAMemoryErrorEndsADirectWriteWithEFAULTOrWhatWasDone(t *testing.T) {
	for _, name := range fs.General() {
		holds(t, Config{FS: name, FSOptions: fs.Options{NoDatasum: true}}, func(w *world, t *sched.Task) {
			f := w.fileOf(t, 2*page)
			n, err := f.DirectWriteBuffer(t, mm.Guarded(t.Sched(), fill('n', 2*page), page), 0, 0)
			// gfs2 keeps what was done; btrfs loses it with the error of its buffered part.
			w.check((n == page && err == errno.OK) == (name == "gfs2") && (err == errno.EFAULT) == (name != "gfs2"), "write returns "+err.String())
			_, err = f.DirectReadBuffer(t, mm.Guarded(t.Sched(), make([]byte, page), 0), 0, 0)
			w.check(err == errno.EFAULT, "read returns "+err.String())
		})
	}
}

func TestUnalignedWriteOfXfsIsExclusiveBefore512(t *testing.T) {
	for release, shared := range map[string]bool{"5.10": false, "6.1": true} {
		holds(t, Config{FS: "xfs", Release: release}, func(w *world, t *sched.Task) {
			f := w.fileOf(t, 2*page)
			w.m.Disk().Hold(block.Match{Ops: block.Writes})
			first := f.SubmitWrite(t, fill('a', page), 0, 0)
			second := t.Go("second", func(t *sched.Task) { f.DirectWrite(t, fill('b', 512), page, 0) })
			what, blocked := w.m.AwaitBlocked(t, second)
			w.check(blocked && (what == "inode_dio_wait") != shared, release+": blocked at "+what)
			w.m.Disk().Release(t, block.Everything())
			first.Reap(t)
			t.Join(second)
		})
	}
}

func TestCloneSharesWholeBlocksOnly(t *testing.T) {
	for name, want := range map[string]Errno{"xfs": errno.OK, "btrfs": errno.OK, "ext4": errno.EOPNOTSUPP, "bcachefs": errno.EOPNOTSUPP} {
		holds(t, Config{FS: name}, func(w *world, t *sched.Task) {
			f := w.fileOf(t, 2*page)
			g, _ := w.m.Create(t, "g")
			err := f.CloneRange(t, 0, g, 0, 0)
			w.check(err == want, name+" returns "+err.String())
			if want == errno.OK {
				w.check(f.CloneRange(t, 512, g, 0, page) == errno.EINVAL, "a part of a block")
				w.check(f.CloneRange(t, 0, f, page, page) == errno.OK, "within a file")
				f.DirectWrite(t, fill('n', page), 0, 0)
				w.shows(t, f, cat(fill('n', page), fill('o', page)))
				w.shows(t, g, fill('o', 2*page))
			}
		})
	}
}
