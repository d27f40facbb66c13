package refengine

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

func TestMutantsOfFilesystemsAreShownByTheirPrograms(t *testing.T) {
	t.Parallel()
	xfs, bcachefs := Config{FS: "xfs"}, Config{FS: "bcachefs"}
	btrfs := Config{FS: "btrfs", FSOptions: fs.Options{NoDatasum: true}}
	seq := Config{FS: "zonefs"}
	showsAll(t, []shown{
		{mutant.XfsLeaksENOTBLK, xfs, redirtied(errno.OK)},
		{mutant.Ext4LeaksENOTBLK, Config{FS: "ext4"}, redirtied(errno.OK)},
		{mutant.BtrfsLeaksENOTBLK, btrfs, directWriteFromItself},
		{mutant.ZonefsLeaksENOTBLK, Config{FS: "zonefs", FSOptions: fs.Options{Conventional: true}}, redirtied(errno.EBUSY)},
		{mutant.XfsUnalignedCow, xfs, unalignedWriteOfSharedBlock},
		{mutant.XfsUnalignedNoDioWait, xfs, unalignedWritesOfOneBlock},
		{mutant.BtrfsNoProgressTest, btrfs, directWriteFromItself},
		{mutant.BtrfsFaultsWhileLocked, btrfs, directWriteFromItself},
		{mutant.BtrfsReadsIgnoreOrdered, btrfs, readAfterEvictionBesideOrdered},
		{mutant.BtrfsOrderedBeforeData, btrfs, directReadBesideWrite},
		{mutant.BtrfsKeepsISize, btrfs, extendingWriteStoppedByMemory},
		{mutant.BtrfsReleaseSleeps, Config{FS: "btrfs", Release: "5.10", Memory: Memory{Cgroup: true}}, readUnderPressure},
		{mutant.ZonefsPointerStays, seq, twoWritesAtOnePlace},
		{mutant.ZonefsPointerNotRecovered, seq, writeAfterFailedWrite},
		{mutant.ZonefsAppendKeepsCache, Config{FS: "zonefs", BlockSize: 512}, appendUnderCachedPage},
		{mutant.BcachefsNoSecondInvalidation, bcachefs, writeFromOtherFile},
		{mutant.BcachefsNoBlock, bcachefs, postWriteInvalidationOfPage},
		{mutant.BcachefsFaultsOwnMapping, bcachefs, ownMappingIsRefused},
		{mutant.BcachefsIgnoresInvalidation, bcachefs, failedWritebackBeforeWrite},
	})
}

// redirtied returns a program that dirties a page again while a direct write writes it back; the write returns want.
func redirtied(want Errno) func(*world, *sched.Task) {
	return func(w *world, t *sched.Task) {
		f := w.fileOf(t, page)
		f.Store(t, fill('d', 100), 0)
		w.m.Disk().Hold(block.Match{Ops: block.Writes})
		writer := t.Go("writer", func(t *sched.Task) {
			_, err := f.DirectWrite(t, fill('n', int(page)), 0, 0)
			w.check(err == want, "write returns "+err.String())
		})
		w.m.Disk().AwaitHeld(t, 1)
		f.Store(t, fill('e', 100), 0)
		w.m.Disk().Release(t, block.Everything())
		t.Join(writer)
	}
}

// directWriteFromItself writes a page from a mapping of that page: the bytes stay what they are.
func directWriteFromItself(w *world, t *sched.Task) {
	f := w.fileOf(t, page)
	w.m.WatchLivelock()
	n, err := f.DirectWriteBuffer(t, f.Memory(t, 0, page), 0, 0)
	w.check(n == page && err == errno.OK, "write returns "+err.String())
	w.shows(t, f, fill('o', int(page)))
}

func unalignedWriteOfSharedBlock(w *world, t *sched.Task) {
	w.dirtyDisk()
	f := w.fileOf(t, page)
	g, _ := w.m.Create(t, "g")
	f.CloneRange(t, 0, g, 0, 0)
	n, err := f.DirectWrite(t, fill('n', 512), 1024, 0)
	w.check(n == 512 && err == errno.OK, "write")
	w.shows(t, f, cat(fill('o', 1024), fill('n', 512), fill('o', int(page)-1536)))
	w.shows(t, g, fill('o', int(page)))
}

// unalignedWritesOfOneBlock: the second write of a new block must not zero what the first, still in flight, brings.
func unalignedWritesOfOneBlock(w *world, t *sched.Task) {
	f := w.create(t)
	f.Fallocate(t, fs.Allocate, 0, 2*page)
	w.m.Disk().Hold(block.Match{Ops: block.Writes})
	first := f.SubmitWrite(t, fill('a', int(page)), 0, 0)
	second := t.Go("second", func(t *sched.Task) { f.DirectWrite(t, fill('b', 512), 512, 0) })
	w.m.AwaitBlocked(t, second)
	w.m.Disk().Release(t, block.Newest(10))
	w.m.Disk().Release(t, block.Everything())
	first.Reap(t)
	t.Join(second)
	w.shows(t, f, cat(fill('a', 512), fill('b', 512), fill('a', int(page)-1024), make([]byte, page)))
}

// readAfterEvictionBesideOrdered: what was written back leaves the cache before the metadata names its new place.
func readAfterEvictionBesideOrdered(w *world, t *sched.Task) {
	f := w.fileOf(t, page)
	f.Write(t, fill('n', int(page)), 0, 0)
	syncer := t.Go("syncer", func(t *sched.Task) { f.Fsync(t) })
	reader := t.Go("reader", func(t *sched.Task) {
		for !syncer.Done() {
			w.m.DropCaches(t)
			p := make([]byte, page)
			f.Read(t, p, 0, 0)
			w.check(w.is(p, 'n'), "read shows "+brief(p))
		}
	})
	t.Join(syncer)
	t.Join(reader)
}

func directReadBesideWrite(w *world, t *sched.Task) {
	w.dirtyDisk()
	f := w.fileOf(t, page)
	w.m.Disk().Hold(block.Match{Ops: block.Writes})
	writer := t.Go("writer", func(t *sched.Task) { f.DirectWrite(t, fill('n', int(page)), 0, 0) })
	w.m.Disk().AwaitHeld(t, 1)
	reader := t.Go("reader", func(t *sched.Task) {
		p := make([]byte, page)
		f.DirectRead(t, p, 0, 0)
		w.check(w.is(p, 'o') || w.is(p, 'n'), "read shows "+brief(p))
	})
	w.m.AwaitBlocked(t, reader)
	w.m.Disk().Release(t, block.Everything())
	t.Join(writer)
	t.Join(reader)
}

func extendingWriteStoppedByMemory(w *world, t *sched.Task) {
	f := w.fileOf(t, page)
	b := mm.Guarded(t.Sched(), fill('n', int(2*page)), page)
	f.DirectWriteBuffer(t, b, page, 0)
	w.check(f.Size() <= 2*page, "the file ends where nothing was written")
}

// twoWritesAtOnePlace: the second write follows the first, which is still in flight.
func twoWritesAtOnePlace(w *world, t *sched.Task) {
	f := w.create(t)
	w.m.Disk().Hold(block.Match{Ops: block.Writes})
	first := f.SubmitWrite(t, fill('a', int(page)), 0, 0)
	again := f.SubmitWrite(t, fill('b', int(page)), 0, 0)
	next := f.SubmitWrite(t, fill('c', int(page)), page, 0)
	w.m.Disk().Release(t, block.Everything())
	want := []Errno{errno.OK, errno.EINVAL, errno.OK}
	for i, a := range []*AIO{first, again, next} {
		_, err := a.Reap(t)
		w.check(err == want[i], "write returns "+err.String())
	}
	w.shows(t, f, cat(fill('a', int(page)), fill('c', int(page))))
}

func writeAfterFailedWrite(w *world, t *sched.Task) {
	f := w.create(t)
	w.m.Disk().Fail(block.Match{Ops: block.Writes}, errno.EIO, 1)
	_, err := f.DirectWrite(t, fill('a', int(page)), 0, 0)
	w.check(err == errno.EIO, "failed write returns "+err.String())
	n, err := f.DirectWrite(t, fill('b', int(page)), 0, 0)
	w.check(n == page && err == errno.OK, "the next write returns "+err.String())
	w.shows(t, f, fill('b', int(page)))
}

// appendUnderCachedPage: the last page is cached when the rest of it is written.
func appendUnderCachedPage(w *world, t *sched.Task) {
	f := w.create(t)
	f.DirectWrite(t, fill('a', 512), 0, 0)
	f.Read(t, make([]byte, 512), 0, 0)
	n, err := f.DirectWrite(t, fill('b', 512), 0, Append)
	w.check(n == 512 && err == errno.OK, "append")
	w.shows(t, f, cat(fill('a', 512), fill('b', 512)))
}

// writeFromOtherFile: the buffer maps a file whose lock comes first and is blocked, so the writer lets its own go, and a read fills
// the cache of the range meanwhile.
func writeFromOtherFile(w *world, t *sched.Task) {
	g, _ := w.m.Create(t, "g")
	g.Write(t, fill('n', int(page)), 0, 0)
	g.Fsync(t)
	f := w.fileOf(t, page)
	w.m.DropCaches(t)
	w.m.Disk().Hold(block.Match{Ops: block.Writes})
	blocker := g.SubmitWrite(t, fill('n', int(page)), 0, 0)
	writer := t.Go("writer", func(t *sched.Task) {
		n, err := f.DirectWriteBuffer(t, g.Memory(t, 0, page), 0, 0)
		w.check(n == page && err == errno.OK, "write returns "+err.String())
	})
	w.m.AwaitBlocked(t, writer)
	f.Read(t, make([]byte, page), 0, 0)
	w.m.Disk().Release(t, block.Everything())
	blocker.Reap(t)
	t.Join(writer)
	w.shows(t, f, fill('n', int(page)))
}

// postWriteInvalidationOfPage: a buffered read while a direct write is in flight.
func postWriteInvalidationOfPage(w *world, t *sched.Task) {
	f := w.fileOf(t, page)
	w.m.Disk().Hold(block.Match{Ops: block.Writes})
	a := f.SubmitWrite(t, fill('n', int(page)), 0, 0)
	reader := t.Go("reader", func(t *sched.Task) { f.Read(t, make([]byte, page), 0, 0) })
	w.m.AwaitBlocked(t, reader)
	w.m.Disk().Release(t, block.Everything())
	a.Reap(t)
	t.Join(reader)
	w.shows(t, f, fill('n', int(page)))
}

func ownMappingIsRefused(w *world, t *sched.Task) {
	f := w.fileOf(t, page)
	_, err := f.DirectWriteBuffer(t, f.Memory(t, 0, page), 0, 0)
	w.check(err == errno.EFAULT, "write returns "+err.String())
}

func failedWritebackBeforeWrite(w *world, t *sched.Task) {
	f := w.fileOf(t, page)
	f.Write(t, fill('d', 100), 0, 0)
	w.m.Disk().Fail(block.Match{Ops: block.Writes}, errno.EIO, 1)
	_, err := f.DirectWrite(t, fill('n', int(page)), 0, 0)
	w.check(err == errno.EIO, "write returns "+err.String())
}

// The discussion of May 2023: what becomes of a direct write whose buffer maps the range it writes.
func TestOwnMappingRetriesFailsOrFallsBack(t *testing.T) {
	for behaviour, want := range map[iomap.OwnMapping]Errno{
		iomap.OwnByRelease: errno.OK, iomap.OwnFallsBack: errno.OK, iomap.OwnFails: errno.EFAULT,
	} {
		c := Config{FS: "btrfs", FSOptions: fs.Options{NoDatasum: true}, Behaviour: iomap.Behaviour{OwnMapping: behaviour}}
		holds(t, c, func(w *world, t *sched.Task) {
			f := w.fileOf(t, page)
			_, err := f.DirectWriteBuffer(t, f.Memory(t, 0, page), 0, 0)
			w.check(err == want, "write returns "+err.String())
		})
	}
	c := Config{FS: "btrfs", FSOptions: fs.Options{NoDatasum: true}, Behaviour: iomap.Behaviour{OwnMapping: iomap.OwnRetries}}
	if r, _, _ := situation(t, c, sched.NewRandom(1), 1, directWriteFromItself); r == nil || r.Outcome != sched.Livelock {
		t.Errorf("no livelock: %v", r)
	}
}
