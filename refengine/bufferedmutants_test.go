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
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

const pg = 4096

// writeFrom is a buffered write from memory that may fault.
func writeFrom(t *sched.Task, f *File, b mm.Buffer, off int64) (int64, Errno) {
	return f.write(t, &iomap.Kiocb{Pos: off, Buf: b, WbErr: &f.wbErr})
}

// halfGood is memory whose first n bytes are c and the rest of which cannot be read.
func halfGood(t *sched.Task, c byte, n, size int) mm.Buffer {
	start := (pg - n%pg) % pg
	return mm.Guarded(t.Sched(), fill(c, start+size), int64(start+n)).Slice(int64(start), int64(size))
}

// synced makes a file of n bytes c that is on the disk and not in the cache.
func (w *world) synced(t *sched.Task, name string, c byte, n int) *File {
	f, _ := w.m.Create(t, name)
	f.Write(t, fill(c, n), 0, 0)
	w.check(f.Fsync(t) == errno.OK, "fsync")
	w.m.DropCaches(t)
	return f
}

// seesAt checks that a buffered read of [off, off+len(want)) returns want.
func (w *world) seesAt(t *sched.Task, f *File, off int64, want []byte, when string) {
	p := make([]byte, len(want))
	n, err := f.Read(t, p, off, 0)
	w.check(n == int64(len(want)) && err == errno.OK && string(p) == string(want), when+" shows "+brief(p[:n]))
}

// staleMapping: while a write over unwritten blocks is under way, one of them is written back, converted and evicted.
func staleMapping(w *world, t *sched.Task) {
	f := w.create(t)
	f.Fallocate(t, fs.Allocate, 0, 2*pg)
	f.Write(t, fill('o', pg), pg, 0)
	writer := t.Go("writer", func(t *sched.Task) { f.Write(t, fill('n', 3072), 2048, 0) })
	syncer := t.Go("syncer", func(t *sched.Task) {
		f.Fsync(t)
		w.m.DropCaches(t)
	})
	t.Join(writer)
	t.Join(syncer)
	w.shows(t, f, cat(make([]byte, 2048), fill('n', 3072), fill('o', 3072)))
}

// appendBesideSync: a file is synced while it is appended to.
func appendBesideSync(w *world, t *sched.Task) {
	f := w.create(t)
	syncer := t.Go("syncer", func(t *sched.Task) { f.Fsync(t) })
	f.Write(t, fill('n', pg), 0, 0)
	t.Join(syncer)
	w.shows(t, f, fill('n', pg))
}

// shortCopy: half of the memory that is written from cannot be read.
func shortCopy(w *world, t *sched.Task) {
	f := w.synced(t, "f", 'o', pg)
	n, err := writeFrom(t, f, halfGood(t, 'n', 2048, pg), 0)
	w.check(n == 2048 && err == errno.OK, "write")
	w.shows(t, f, cat(fill('n', 2048), fill('o', 2048)))
}

// storeBehindEOF: a mapping has stored behind the end of a file with unwritten blocks there, which then grows by a write further on.
func storeBehindEOF(w *world, t *sched.Task) {
	f := w.create(t)
	f.Fallocate(t, fs.KeepSize, 0, pg)
	f.Write(t, fill('o', 512), 0, 0)
	f.Store(t, fill('x', 424), 600)
	f.Write(t, fill('n', 512), 2048, 0)
	w.shows(t, f, cat(fill('o', 512), make([]byte, 1536), fill('n', 512)))
}

// storeBesideInvalidation: a page is stored to while a direct write over another part of it invalidates it.
func storeBesideInvalidation(w *world, t *sched.Task) {
	f := w.synced(t, "f", 'o', pg)
	direct := t.Go("direct", func(t *sched.Task) { f.DirectWrite(t, fill('n', 512), 0, 0) })
	f.Store(t, fill('s', 512), 1024)
	t.Join(direct)
	if w.count(trace.WarnStalePagecache) == 0 {
		p := make([]byte, 512)
		f.Read(t, p, 1024, 0)
		w.check(w.is(p, 's'), "the store is lost: "+brief(p))
	}
}

// storeBehindOldEOF: a store to a block behind the old end of file, in a page that is mapped writable, after the file has grown.
func storeBehindOldEOF(w *world, t *sched.Task) {
	f := w.create(t)
	f.Write(t, fill('o', 512), 0, 0)
	f.Store(t, fill('p', 512), 0)
	f.Write(t, fill('n', 512), 2*pg, 0)
	f.Store(t, fill('s', 512), 2048)
	want := make([]byte, 2*pg+512)
	copy(want, fill('p', 512))
	copy(want[2048:], fill('s', 512))
	copy(want[2*pg:], fill('n', 512))
	w.shows(t, f, want)
}

// tailOnDisk: what a mapping has stored behind the end of the file is written back with the page, and the file grows later.
func tailOnDisk(w *world, t *sched.Task) {
	f := w.create(t)
	f.Write(t, fill('o', 512), 0, 0)
	f.Store(t, fill('x', 512), 1024)
	f.Fsync(t)
	f.Unmap(t)
	w.m.DropCaches(t)
	f.Write(t, fill('n', 512), 2*pg, 0)
	w.shows(t, f, cat(fill('o', 512), make([]byte, 2*pg-512), fill('n', 512)))
}

// partOfFolio: a block of a folio is written whose other blocks have never been read.
func partOfFolio(w *world, t *sched.Task) {
	f := w.synced(t, "f", 'o', pg)
	f.Write(t, fill('n', 1024), 1024, 0)
	f.Fsync(t)
	w.m.DropCaches(t)
	w.shows(t, f, cat(fill('o', 1024), fill('n', 1024), fill('o', 2048)))
}

// refusedWriteback writes 'n' over what prepare has made, and the disk refuses it.
func refusedWriteback(w *world, t *sched.Task, f *File, off int64) {
	f.Write(t, fill('n', pg), off, 0)
	w.m.Disk().Fail(block.Match{Ops: block.Writes}, errno.EIO, -1)
	w.check(f.Fsync(t) == errno.EIO, "fsync")
	w.m.Disk().ClearFaults()
	w.m.DropCaches(t)
}

func failedUnwritten(w *world, t *sched.Task) {
	w.dirtyDisk()
	f := w.create(t)
	f.Fallocate(t, fs.Allocate, 0, pg)
	refusedWriteback(w, t, f, 0)
	w.seesAt(t, f, 0, make([]byte, pg), "after the failed write")
}

func failedCow(w *world, t *sched.Task) {
	f := w.synced(t, "f", 'o', pg)
	g, _ := w.m.Create(t, "g")
	w.check(f.CloneRange(t, 0, g, 0, 0) == errno.OK, "clone")
	refusedWriteback(w, t, f, 0)
	w.seesAt(t, f, 0, fill('o', pg), "after the failed write")
	w.seesAt(t, g, 0, fill('o', pg), "the clone")
}

func failedAppend(w *world, t *sched.Task) {
	f := w.synced(t, "f", 'o', pg)
	refusedWriteback(w, t, f, pg)
	w.m.Remount(t)
	w.check(f.Size() == pg, "size on disk moved over what was not written")
}

// appendsInOneBlock: a second append to the block of a first whose writeback is in flight; then the power goes.
func appendsInOneBlock(w *world, t *sched.Task) {
	f := w.create(t)
	f.Write(t, fill('a', 100), 0, 0)
	w.m.Disk().Hold(block.Match{Ops: block.Writes})
	syncer := t.Go("syncer", func(t *sched.Task) { f.Fsync(t) })
	w.m.Disk().AwaitHeld(t, 1)
	f.Write(t, fill('b', 100), 100, 0)
	w.m.Disk().Release(t, block.Everything())
	t.Join(syncer)
	f.ino.Reload(t)
	p := make([]byte, 200)
	n, _ := f.Read(t, p, 0, 0)
	w.check(w.is(p[:min(n, 100)], 'a') && (n <= 100 || w.is(p[100:n], 'b')), "zeros in appended bytes: "+brief(p[:n]))
}

// failedWriteBesideStore: a write into a hole fails half way while a store uses what it has reserved.
func failedWriteBesideStore(w *world, t *sched.Task) {
	f := w.create(t)
	f.Truncate(t, 4*pg)
	storer := t.Go("storer", func(t *sched.Task) { f.Store(t, fill('s', pg), 2*pg) })
	n, err := writeFrom(t, f, halfGood(t, 'n', pg, 4*pg), 0)
	w.check(n == pg && err == errno.OK, "write")
	t.Join(storer)
	w.shows(t, f, cat(fill('n', pg), make([]byte, pg), fill('s', pg), make([]byte, pg)))
}

// failedWriteIntoHole: the memory that is written into a hole from goes away under the write, after it was faulted in.
func failedWriteIntoHole(w *world, t *sched.Task) {
	w.dirtyDisk()
	f := w.create(t)
	f.Truncate(t, 4*pg)
	gone := false
	b := mm.Faulting(t.Sched(), fill('n', 4*pg), func(_ *sched.Task, off int64, _ bool) bool { return off < pg || !gone })
	evictor := t.Go("evictor", func(t *sched.Task) {
		b.Evict(t, pg, 3*pg)
		gone = true
	})
	n, err := writeFrom(t, f, b, 0)
	w.check(n >= pg && err == errno.OK, "write")
	t.Join(evictor)
	w.shows(t, f, cat(fill('n', int(n)), make([]byte, 4*pg-n)))
}

// overwritten: data is overwritten, the cache dropped, and it is read.
func overwritten(w *world, t *sched.Task) {
	f := w.synced(t, "f", 'o', pg)
	f.Write(t, fill('n', pg), 0, 0)
	w.m.DropCaches(t)
	w.seesAt(t, f, 0, fill('n', pg), "after drop-caches")
	w.check(f.Fsync(t) == errno.OK, "fsync")
	w.shows(t, f, fill('n', pg))
}

// dropDuringCommit: the cache is dropped while the first write of an fsync is held.
func dropDuringCommit(w *world, t *sched.Task) {
	f := w.synced(t, "f", 'o', pg)
	f.Write(t, fill('n', pg), 0, 0)
	w.m.Disk().Hold(block.Match{Ops: block.Writes})
	syncer := t.Go("syncer", func(t *sched.Task) { f.Fsync(t) })
	w.m.Disk().AwaitHeld(t, 1)
	w.m.Disk().StopHolding(0)
	w.m.DropCaches(t)
	w.seesAt(t, f, 0, fill('n', pg), "during the commit")
	w.m.Disk().Release(t, block.Everything())
	t.Join(syncer)
	w.shows(t, f, fill('n', pg))
}

// journalledBeforeUnlock: the data of a journalled write joins its transaction before the folio is unlocked.
func journalledBeforeUnlock(w *world, t *sched.Task) {
	f := w.create(t)
	f.Write(t, fill('n', pg), 0, 0)
	orderOfHook(w)
}

// orderOfHook checks that journalled data joined its transaction before its folio was unlocked.
func orderOfHook(w *world) {
	added := false
	for _, e := range w.events {
		added = added || e.Name == trace.Gfs2TransAddDatabufs || e.Name == trace.Gfs2PageAddDatabufs
		w.check(added || e.Name != trace.FolioUnlock, "folio_unlock before gfs2_trans_add_databufs")
	}
}

// ownMemory: a file is written from a mapping of itself that is not present.
func ownMemory(w *world, t *sched.Task) {
	f := w.synced(t, "f", 'o', 4*pg)
	n, err := writeFrom(t, f, mm.Mapped(f.vma(t), 2*pg, pg), 0)
	w.check(n == pg && err == errno.OK, "write from its own mapping")
}

func grownByTruncate(w *world, t *sched.Task) {
	f := w.create(t)
	f.Write(t, fill('o', 512), 0, 0)
	f.Store(t, fill('x', 512), 1024)
	f.Truncate(t, 2*pg)
	w.shows(t, f, cat(fill('o', 512), make([]byte, 2*pg-512)))
}

func cloneDirty(w *world, t *sched.Task) {
	f := w.create(t)
	g, _ := w.m.Create(t, "g")
	g.Write(t, fill('g', pg), 0, 0)
	f.Write(t, fill('o', pg), 0, 0)
	w.check(f.CloneRange(t, 0, g, 0, 0) == errno.OK, "clone")
	w.seesAt(t, g, 0, fill('o', pg), "the clone")
	f.Write(t, fill('n', 512), 0, 0)
	w.seesAt(t, g, 0, fill('o', pg), "the clone after a write to the other")
	w.shows(t, f, cat(fill('n', 512), fill('o', pg-512)))
	w.shows(t, g, fill('o', pg))
}

// bufferedCatches says which program shows each mutant, and on what machine.
func bufferedCatches() []struct {
	id   mutant.ID
	c    Config
	main func(*world, *sched.Task)
} {
	type row = struct {
		id   mutant.ID
		c    Config
		main func(*world, *sched.Task)
	}
	journalled := fs.Options{JournalData: true}
	return []row{
		{mutant.IgnoreIomapValid, Config{FS: "xfs"}, staleMapping},
		{mutant.WriteSizeAfterPut, Config{FS: "xfs"}, appendBesideSync},
		{mutant.WriteSizeAfterPut, Config{FS: "ext4"}, appendBesideSync},
		{mutant.WriteAcceptsShortCopy, Config{FS: "xfs"}, shortCopy},
		{mutant.WriteAcceptsShortCopy, Config{FS: "ext4"}, shortCopy},
		{mutant.ZeroIgnoresDirty, Config{FS: "xfs", BlockSize: 1024}, storeBehindEOF},
		{mutant.MkwriteNoTruncateCheck, Config{FS: "xfs"}, storeBesideInvalidation},
		{mutant.HookAfterUnlock, Config{FS: "gfs2", FSOptions: journalled}, journalledBeforeUnlock},
		{mutant.IsizeExtendedSkipped, Config{FS: "ext4", BlockSize: 1024}, storeBehindOldEOF},
		{mutant.WritebackKeepsTail, Config{FS: "gfs2", Release: "6.1"}, tailOnDisk},
		{mutant.WritebackIgnoresBlocks, Config{FS: "xfs", BlockSize: 1024}, partOfFolio},
		{mutant.WritebackIgnoresBlocks, Config{FS: "ext4", BlockSize: 1024}, partOfFolio},
		{mutant.ConvertBeforeData, Config{FS: "xfs"}, failedUnwritten},
		{mutant.ConvertBeforeData, Config{FS: "ext4"}, failedUnwritten},
		{mutant.CowRemapBeforeData, Config{FS: "xfs"}, failedCow},
		{mutant.SizeRaisedOnError, Config{FS: "xfs"}, failedAppend},
		{mutant.IoendSizeAtCompletion, Config{FS: "xfs"}, appendsInOneBlock},
		{mutant.PunchUnderDirty, Config{FS: "xfs"}, failedWriteBesideStore},
		{mutant.WriteFailureTruncatesCache, Config{FS: "xfs"}, failedWriteBesideStore},
		{mutant.Gfs2ReleaseSkipsTransaction, Config{FS: "gfs2", FSOptions: journalled}, dropDuringCommit},
		{mutant.Gfs2KeepsNewBlocks, Config{FS: "gfs2"}, failedWriteIntoHole},
		{mutant.Gfs2HoldsGlockOverFault, Config{FS: "gfs2"}, ownMemory},
		{mutant.Gfs2DataNotInTransaction, Config{FS: "gfs2", FSOptions: journalled}, journalledBeforeUnlock},
		{mutant.Gfs2NoLogFlush, Config{FS: "gfs2", FSOptions: journalled}, overwritten},
		{mutant.Ext4ReleaseSkipsJournal, Config{FS: "ext4", FSOptions: journalled}, overwritten},
		{mutant.Ext4NoEOFZeroing, Config{FS: "ext4"}, grownByTruncate},
		{mutant.Ext4MapsBeforeLock, Config{FS: "ext4"}, staleMapping},
		{mutant.Ext4NoCommit, Config{FS: "ext4", FSOptions: journalled}, overwritten},
		{mutant.CloneNoFlush, Config{FS: "xfs"}, cloneDirty},
		{mutant.CloneKeepsCache, Config{FS: "xfs"}, cloneDirty},
	}
}

func TestBufferedMutantsAreCaughtByTheirPrograms(t *testing.T) {
	t.Parallel()
	for _, c := range bufferedCatches() {
		if r, wrong, token := situation(t, c.c, sched.NewRandom(1), 150, c.main); r != nil {
			t.Errorf("%s without %v: %v\nwrong: %q\n%s", c.c.FS, mutant.Of(c.id), r, wrong, token)
		}
		cfg := c.c
		cfg.Mutants = mutant.Of(c.id)
		r, wrong, _ := situation(t, cfg, sched.NewRandom(1), 2000, c.main)
		if r == nil {
			t.Errorf("%s: %v is not caught", c.c.FS, cfg.Mutants)
			continue
		}
		t.Logf("%s: %v: %v %q", c.c.FS, cfg.Mutants, r.Outcome, wrong)
	}
}
