package refengine

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// memoryCase is the smallest program that shows a mutant: it holds on the unmutated engine and not with the mutant.
type memoryCase struct {
	id     mutant.ID
	config Config
	main   func(*world, *sched.Task)
}

var (
	onXfs      = Config{FS: "xfs"}
	onExt4     = Config{FS: "ext4"}
	xfsCgroup  = Config{FS: "xfs", Memory: Memory{Cgroup: true}}
	ext4Cgroup = Config{FS: "ext4", Memory: Memory{Cgroup: true}}
	onDAX      = Config{FS: "xfs"} // files are made DAX one by one: the target of direct I/O is not
)

const page = mm.PageSize

// pagesOnDisk makes a synced file of pages 'o' that nothing caches.
func (w *world) pagesOnDisk(t *sched.Task, name string, pages int) *File {
	f, err := w.m.Create(t, name)
	w.check(err == errno.OK, "create")
	f.Write(t, fill('o', pages*page), 0, 0)
	w.check(f.Fsync(t) == errno.OK, "sync")
	w.m.DropCaches(t)
	return f
}

// daxFile makes a DAX file of pages 'o'.
func (w *world) daxFile(t *sched.Task, name string, pages int) *File {
	f, err := w.m.Create(t, name)
	w.check(err == errno.OK, "create")
	f.ino.SetDAX()
	n, err := f.Write(t, fill('o', pages*page), 0, 0)
	w.check(n == int64(pages*page) && err == errno.OK, "write")
	return f
}

func (w *world) pageReads(t *sched.Task, f *File, off int64, c byte, what string) {
	p := make([]byte, page)
	n, err := f.Read(t, p, off, 0)
	w.check(n == page && err == errno.OK && w.is(p, c), what)
}

func (w *world) byteLoads(t *sched.Task, f *File, off int64, c byte, what string) {
	p := []byte{0}
	_, err := f.Load(t, p, off)
	w.check(err == errno.OK && p[0] == c, what)
}

func (w *world) directFrom(t *sched.Task, f *File, off int64, b mm.Buffer) (int64, Errno) {
	return f.write(t, &iomap.Kiocb{Pos: off, Buf: b, Direct: true, WbErr: &f.wbErr})
}

func (w *world) directInto(t *sched.Task, f *File, off int64, b mm.Buffer) (int64, Errno) {
	return f.read(t, &iomap.Kiocb{Pos: off, Buf: b, Direct: true, WbErr: &f.wbErr})
}

// holdWrites starts a task whose writes are held when it returns.
func (w *world) holdWrites(t *sched.Task, name string, body func(*sched.Task)) *sched.Task {
	w.m.Disk().Hold(block.Match{Ops: block.Writes})
	o := t.Go(name, body)
	w.m.Disk().AwaitHeld(t, 1)
	w.m.Disk().StopHolding(0)
	return o
}

func (w *world) releaseAll(t *sched.Task) { w.m.Disk().Release(t, block.Everything()) }

func redirtiedBeside(w *world, t *sched.Task) {
	f := w.pagesOnDisk(t, "f", 1)
	f.Store(t, []byte{'s'}, 0)
	sync := w.holdWrites(t, "sync", func(t *sched.Task) { f.Fsync(t) })
	direct := t.Go("direct", func(t *sched.Task) {
		n, err := f.DirectWrite(t, fill('n', 512), 512, 0)
		w.check(n == 512 && err == errno.OK, "direct write")
	})
	t.AwaitBlocked(direct)
	f.Store(t, []byte{'t'}, 1)
	w.releaseAll(t)
	t.Join(sync)
	t.Join(direct)
	f.Fsync(t)
	w.m.Remount(t)
	p := make([]byte, page)
	f.Read(t, p, 0, 0)
	w.check(p[1] == 't' && p[512] == 'n', "a store or the direct write is lost")
}

func mappedAcrossDirectWrite(w *world, t *sched.Task) {
	f := w.pagesOnDisk(t, "f", 1)
	w.byteLoads(t, f, 0, 'o', "load before")
	f.DirectWrite(t, fill('n', page), 0, 0)
	w.byteLoads(t, f, 0, 'n', "load after the direct write")
}

func storeDuringDirectWrite(w *world, t *sched.Task) {
	f := w.pagesOnDisk(t, "f", 1)
	direct := w.holdWrites(t, "direct", func(t *sched.Task) { f.DirectWrite(t, fill('n', page), 0, 0) })
	f.Store(t, []byte{'s'}, 0)
	w.releaseAll(t)
	t.Join(direct)
	p := make([]byte, page)
	f.Read(t, p, 0, 0)
	err := f.Fsync(t)
	w.check(p[1] == 'n' || err == errno.EIO, "stale cache, and nobody was told")
}

func syncWaitsForTheDisk(w *world, t *sched.Task) {
	f := w.pagesOnDisk(t, "f", 1)
	f.Write(t, fill('n', page), 0, 0)
	sync := w.holdWrites(t, "sync", func(t *sched.Task) { f.Fsync(t) })
	t.AwaitBlocked(sync)
	w.check(!sync.Done(), "fsync returned before its write")
	w.releaseAll(t)
	t.Join(sync)
}

func writebackFailsOnce(w *world, t *sched.Task) {
	f := w.pagesOnDisk(t, "f", 1)
	g, _ := w.m.Open(t, "f")
	w.m.Disk().Fail(block.Match{Ops: block.Writes}, errno.EIO, 1)
	f.Write(t, fill('n', page), 0, 0)
	w.check(f.Fsync(t) == errno.EIO, "fsync after a failed write")
	w.check(f.Fsync(t) == errno.OK, "the second fsync")
	w.check(g.Fsync(t) == errno.EIO, "fsync of another open file")
}

func truncateDuringWriteback(w *world, t *sched.Task) {
	f := w.pagesOnDisk(t, "f", 2)
	f.Write(t, fill('n', 2*page), 0, 0)
	g, _ := w.m.Create(t, "g")
	sync := w.holdWrites(t, "sync", func(t *sched.Task) { f.Fsync(t) })
	shrink := t.Go("truncate", func(t *sched.Task) { f.Truncate(t, 0) })
	t.AwaitBlocked(shrink)
	if shrink.Done() { // its blocks are free: g gets them
		g.DirectWrite(t, fill('g', 2*page), 0, 0)
	}
	w.releaseAll(t)
	t.Join(sync)
	t.Join(shrink)
	g.DirectWrite(t, fill('g', 0), 0, 0)
	if g.Size() > 0 {
		w.pageReads(t, g, 0, 'g', "another file's data in the freed blocks")
	}
}

func truncateDuringRead(w *world, t *sched.Task) {
	f := w.pagesOnDisk(t, "f", 2)
	w.m.Disk().Hold(block.Match{Ops: block.Reads})
	reader := t.Go("reader", func(t *sched.Task) { f.Read(t, make([]byte, 2*page), 0, 0) })
	w.m.Disk().AwaitHeld(t, 1)
	shrink := t.Go("truncate", func(t *sched.Task) {
		f.Truncate(t, page)
		f.Truncate(t, 2*page)
	})
	t.AwaitBlocked(shrink)
	w.releaseAll(t)
	t.Join(shrink)
	t.Join(reader)
	w.pageReads(t, f, page, 0, "bytes behind the end came back")
}

func shrinkAndGrow(w *world, t *sched.Task) {
	f := w.pagesOnDisk(t, "f", 1)
	w.pageReads(t, f, 0, 'o', "read")
	f.Truncate(t, 512)
	f.Truncate(t, page)
	p := make([]byte, page)
	f.Read(t, p, 0, 0)
	w.check(w.is(p[512:], 0), "bytes behind the cut came back")
}

func storesAcrossSync(w *world, t *sched.Task) {
	f := w.pagesOnDisk(t, "f", 1)
	f.Store(t, []byte{'a'}, 0)
	f.Fsync(t)
	f.Store(t, []byte{'b'}, 0)
	f.Fsync(t)
	w.m.Remount(t)
	p := make([]byte, page)
	f.Read(t, p, 0, 0)
	w.check(p[0] == 'b', "the store after the sync is lost")
}

func readBesideTruncate(w *world, t *sched.Task) {
	f := w.pagesOnDisk(t, "f", 1)
	w.m.Disk().Hold(block.Match{Ops: block.Reads})
	reader := t.Go("reader", func(t *sched.Task) {
		p := make([]byte, page)
		n, _ := f.Read(t, p, 0, 0)
		w.check(w.is(p[:n], 'o'), "bytes that never were in the file")
	})
	w.m.Disk().AwaitHeld(t, 1)
	shrink := t.Go("truncate", func(t *sched.Task) { f.Truncate(t, 512) })
	t.AwaitBlocked(shrink)
	w.releaseAll(t)
	t.Join(reader)
	t.Join(shrink)
}

func faultBesideTruncate(w *world, t *sched.Task) {
	f := w.pagesOnDisk(t, "f", 4)
	w.pageReads(t, f, 0, 'o', "read")
	loader := t.Go("loader", func(t *sched.Task) {
		p := []byte{0}
		if _, err := f.Load(t, p, page); err == errno.OK {
			w.check(p[0] == 'o', "a load behind the end of the file")
		}
	})
	f.Truncate(t, page)
	t.Join(loader)
}

func readBesidePunch(w *world, t *sched.Task) {
	f := w.pagesOnDisk(t, "f", 1)
	reader := t.Go("reader", func(t *sched.Task) { f.Read(t, make([]byte, page), 0, 0) })
	f.Fallocate(t, punch, 0, page)
	t.Join(reader)
	w.pageReads(t, f, 0, 0, "old bytes in a punched hole")
}

func reclaimAfterWrite(w *world, t *sched.Task) {
	f := w.pagesOnDisk(t, "f", 1)
	f.Write(t, fill('n', page), 0, 0)
	w.m.Reclaim(t, page)
	w.pageReads(t, f, 0, 'n', "the write is lost")
}

func reclaimBesideWrite(w *world, t *sched.Task) {
	f := w.pagesOnDisk(t, "f", 1)
	r := w.m.StartReclaim(t, 2)
	f.Write(t, fill('n', page), 0, 0)
	r.Stop(t)
	w.pageReads(t, f, 0, 'n', "the write is lost")
}

func reclaimOfMapped(w *world, t *sched.Task) {
	f := w.pagesOnDisk(t, "f", 1)
	w.byteLoads(t, f, 0, 'o', "load before")
	w.m.Reclaim(t, page)
	f.Write(t, fill('n', page), 0, 0)
	w.byteLoads(t, f, 0, 'n', "load after the write")
}

// reclaimOfPinned: pages that a direct read is filling are cleaned by a sync and then wanted by reclaim.
func reclaimOfPinned(w *world, t *sched.Task) {
	f, g := w.pagesOnDisk(t, "f", 1), w.pagesOnDisk(t, "g", 1)
	g.DirectWrite(t, fill('g', page), 0, 0)
	reader := t.Go("reader", func(t *sched.Task) {
		b := f.Memory(t, 0, page)
		b.FaultIn(t, 0, page, true)
		w.m.Disk().Hold(block.Match{Ops: block.Reads})
		n, err := w.directInto(t, g, 0, b)
		w.check(n == page && err == errno.OK, "direct read")
	})
	w.m.Disk().AwaitHeld(t, 1)
	f.Fsync(t)
	w.m.Reclaim(t, page)
	w.releaseAll(t)
	t.Join(reader)
	w.byteLoads(t, f, 0, 'g', "what was read is lost")
}

// syncOfPinned: a page is synced while a direct read is filling it, and leaves the cache afterwards.
func syncOfPinned(w *world, t *sched.Task) {
	f, g := w.pagesOnDisk(t, "f", 1), w.pagesOnDisk(t, "g", 1)
	g.DirectWrite(t, fill('g', page), 0, 0)
	reader := t.Go("reader", func(t *sched.Task) {
		b := f.Memory(t, 0, page)
		b.FaultIn(t, 0, page, true)
		w.m.Disk().Hold(block.Match{Ops: block.Reads})
		w.directInto(t, g, 0, b)
	})
	w.m.Disk().AwaitHeld(t, 1)
	f.Fsync(t)
	w.releaseAll(t)
	t.Join(reader)
	w.m.Remount(t)
	w.pageReads(t, f, 0, 'g', "what was read is lost")
}

// readIntoGuarded: half of the buffer cannot be written.
func readIntoGuarded(w *world, t *sched.Task) {
	f := w.pagesOnDisk(t, "f", 2)
	b := mm.Guarded(t.Sched(), make([]byte, 2*page), page)
	n, err := f.read(t, &iomap.Kiocb{Buf: b, WbErr: &f.wbErr})
	w.check(n == page && err == errno.OK, "more was counted than can have been copied")
}

const punch = 0x03

func memoryCases() []memoryCase {
	small := Config{FS: "ext4", BlockSize: 512}
	large := Config{FS: "ext4", FolioOrder: 2}
	return []memoryCase{
		{mutant.InvalidateNoDirtyRecheck, onXfs, redirtiedBeside},
		{mutant.InvalidateNoUnmap, onXfs, mappedAcrossDirectWrite},
		{mutant.InvalidateAlwaysOK, onXfs, storeDuringDirectWrite},
		{mutant.PostInvalidateSilent, onXfs, storeDuringDirectWrite},
		{mutant.FdatawaitSkipped, onXfs, syncWaitsForTheDisk},
		{mutant.WbErrLost, onExt4, writebackFailsOnce},
		{mutant.WbErrTwice, onExt4, writebackFailsOnce},
		{mutant.WbErrOnceForAll, onExt4, writebackFailsOnce},
		{mutant.TruncateNoWaitWriteback, onExt4, truncateDuringWriteback},
		{mutant.TruncateSkipsLocked, onExt4, truncateDuringRead},
		{mutant.TruncateKeepsTail, small, shrinkAndGrow},
		{mutant.NoMkclean, onXfs, storesAcrossSync},
		{mutant.ReadISizeBeforeUptodate, onExt4, readBesideTruncate},
		{mutant.FaultNoISizeRecheck, large, faultBesideTruncate},
		{mutant.AddWithoutInvalidateLock, onExt4, readBesidePunch},
		{mutant.ReclaimTakesDirty, xfsCgroup, reclaimAfterWrite},
		{mutant.ReclaimTakesLocked, xfsCgroup, reclaimBesideWrite},
		{mutant.ReclaimNoUnmap, ext4Cgroup, reclaimOfMapped},
		{mutant.ReclaimIgnoresPins, ext4Cgroup, reclaimOfPinned},
		{mutant.UnpinKeepsClean, onXfs, syncOfPinned},
		{mutant.ReadCountsUncopied, onXfs, readIntoGuarded},
		{mutant.DAXLayoutsNotBroken, onDAX, truncateOfPinned},
		{mutant.DAXLayoutsNotBroken, Config{FS: "ext4"}, truncateOfPinned},
		{mutant.DAXBreakNoRetry, onDAX, truncateOfTwoPinned},
		{mutant.DAXBreakKeepsLock, onDAX, truncateBesidePins},
		{mutant.DAXHoleStaysMapped, onDAX, holeBecomesData},
	}
}

// Kernels before 5.15 filled the cache without invalidate_lock: the same program shows it there, without a mutant.
func TestHolePunchedBesideAReadShowsOldBytesBefore515(t *testing.T) {
	for release, shows := range map[string]bool{"5.10": true, "6.1": false} {
		r, _, _ := situation(t, Config{FS: "ext4", Release: release}, sched.NewRandom(1), 500, readBesidePunch)
		if (r != nil) != shows {
			t.Errorf("%s: %v", release, r)
		}
	}
}

func TestMemoryMutantsAreShownByTheirPrograms(t *testing.T) {
	t.Parallel()
	for _, c := range memoryCases() {
		name := mutant.Of(c.id).String()
		if r, wrong, token := situation(t, c.config, sched.NewRandom(1), 300, c.main); r != nil {
			t.Errorf("%s: the unmutated engine fails: %v\n%q\n%s", name, r, wrong, token)
		}
		c.config.Mutants = mutant.Of(c.id)
		r, wrong, _ := situation(t, c.config, sched.NewRandom(1), 3000, c.main)
		if r == nil {
			t.Errorf("%s: not shown", name)
		} else {
			t.Logf("%s: execution %d: %v %q", name, r.Execution, r.Outcome, wrong)
		}
	}
}
