package refengine

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// shown is a mutant with the program that shows it.
type shown struct {
	id     mutant.ID
	config Config
	main   func(*world, *sched.Task)
}

// showsAll checks of each mutant that its program holds without it and fails with it.
func showsAll(t *testing.T, cases []shown) {
	t.Helper()
	for _, c := range cases {
		name := mutant.Of(c.id).String() + "/" + c.config.FS
		if r, wrong, token := situation(t, c.config, sched.NewRandom(1), 200, c.main); r != nil {
			t.Errorf("%s: the unmutated engine fails: %v\n%q\n%s", name, r, wrong, token)
			continue
		}
		c.config.Mutants = mutant.Of(c.id)
		if r, wrong, _ := situation(t, c.config, sched.NewRandom(1), 2000, c.main); r == nil {
			t.Errorf("%s: not shown", name)
		} else {
			t.Logf("%s: execution %d: %v %q", name, r.Execution, r.Outcome, wrong)
		}
	}
}

func TestDirectMutantsAreShownByTheirPrograms(t *testing.T) {
	t.Parallel()
	xfs, xfs72, ext4 := Config{FS: "xfs"}, Config{FS: "xfs", Release: "7.2"}, Config{FS: "ext4"}
	plainBtrfs := Config{FS: "btrfs", FSOptions: fs.Options{NoDatasum: true}}
	showsAll(t, []shown{
		{mutant.DioSkipPostInvalidate, xfs, postWriteInvalidation},
		{mutant.DioIgnoreInvalidateFailure, ext4, redirty},
		{mutant.TruncateNoDioWait, xfs, truncateWaits},
		{mutant.DioInvalidatesBehind, xfs, asyncWriteBesideRead},
		{mutant.DioInvalidateNothing, xfs, directWriteOverCache},
		{mutant.DioNoWaitAfterFault, plainBtrfs, asyncWriteFromAbsentMemory},
		{mutant.DioTailOnlyIfNew, xfs, writeUpToTheEnd},
		{mutant.DioNoZeroAfterFault, Config{FS: "xfs", Release: "6.1"}, writeStoppedByMemory}, // later the zeroing hides the fault
		{mutant.DioHeadNotZeroed, xfs, writeWithinNewBlock},
		{mutant.DioKeepsWriteThrough, xfs, dsyncWriteOfNewBlocks},
		{mutant.DioReadPastEOF, xfs, readOverTheEnd},
		{mutant.DioReadInvalidates, xfs, directReadOfCached},
		{mutant.DioSizeBeforeConversion, xfs, directReadBehindGrowingEnd},
		{mutant.DioEndBeforeInvalidate, ext4, bufferedWriteWaitsForDio},
		{mutant.DioInlineThoughCached, xfs72, asyncWriteBesideRead},
		{mutant.DioAioErrorLost, xfs, failedAsyncWrite},
		{mutant.DioForgetsDoneBefore, plainBtrfs, asyncWriteFromAbsentMemory},
		{mutant.DioNowaitBlocks, xfs, nowaitWriteOverDirty},
		{mutant.CowRemapsEarly, xfs, readBesideCowWrite},
		{mutant.FallbackNoFlush, Config{FS: "btrfs"}, failedFallback},
		{mutant.FallbackNoFlush, ext4, failedFallbackAfterRedirty},
		{mutant.FallbackCountsBufferedOnly, Config{FS: "gfs2"}, writeOverHole},
		{mutant.FallbackWrongPosition, Config{FS: "gfs2"}, writeOverHole},
		{mutant.FallbackOnAnyError, xfs, failedDirectWrite},
	})
}

// fileOf returns a file of n bytes of 'o' on the disk and not in the cache.
func (w *world) fileOf(t *sched.Task, n int64) *File {
	f := w.create(t)
	f.Write(t, fill('o', int(n)), 0, 0)
	f.Fsync(t)
	w.m.DropCaches(t)
	return f
}

func directWriteOverCache(w *world, t *sched.Task) {
	f := w.fileOf(t, page)
	f.Read(t, make([]byte, page), 0, 0)
	h := w.m.Disk().Hold(block.Match{Ops: block.Writes})
	a := f.SubmitWrite(t, fill('n', int(page)), 0, 0)
	w.check(f.Resident(t, 0, page) == 0, "still cached under the write")
	w.m.Disk().Release(t, block.OfHold(h))
	a.Reap(t)
	w.shows(t, f, fill('n', int(page)))
}

// asyncWriteFromAbsentMemory: half of the buffer is not present when the write is submitted.
func asyncWriteFromAbsentMemory(w *world, t *sched.Task) {
	f := w.fileOf(t, 2*page)
	b := mm.Faulting(t.Sched(), fill('n', int(2*page)), func(*sched.Task, int64, bool) bool { return true })
	b.FaultIn(t, 0, page, false)
	w.m.Disk().Hold(block.Match{Ops: block.Writes})
	writer := t.Go("writer", func(t *sched.Task) {
		n, err := f.SubmitWriteBuffer(t, b, 0, 0).Reap(t)
		w.check(n == 2*page && err == errno.OK, "count")
	})
	w.m.Disk().AwaitHeld(t, 1)
	w.m.AwaitBlocked(t, writer)
	w.m.Disk().Release(t, block.Everything())
	t.Join(writer)
	w.shows(t, f, fill('n', int(2*page)))
}

// writeUpToTheEnd: the file ends within a block whose rest is not zeros on the disk; a mapping shows the rest.
func writeUpToTheEnd(w *world, t *sched.Task) {
	f := w.fileOf(t, page)
	at := f.DiskRanges(0, page)[0].Off
	f.Truncate(t, 512)
	f.Fsync(t)
	w.m.DropCaches(t)
	w.m.Disk().WriteAt(fill('#', int(page)-512), at+512) // what a kernel may leave behind the end of the file
	n, err := f.DirectWrite(t, fill('n', 512), 512, 0)
	w.check(n == 512 && err == errno.OK, "write")
	p := make([]byte, 512)
	w.m.Disk().ReadAt(p, at+1024)
	w.check(w.is(p, 0), "behind the end of the file: "+brief(p))
}

// writeStoppedByMemory: the buffer cannot be read behind its first page, in the middle of a block.
func writeStoppedByMemory(w *world, t *sched.Task) {
	w.dirtyDisk()
	f := w.create(t)
	f.Fallocate(t, fs.Allocate, 0, 2*page)
	b := mm.Guarded(t.Sched(), fill('n', int(2*page)), page)
	_, err := f.DirectWriteBuffer(t, b.Slice(page-512, page), 512, 0)
	w.check(err == errno.EFAULT, "write returns "+err.String())
	p := make([]byte, page-1024)
	w.m.Disk().ReadAt(p, f.DiskRanges(0, page)[0].Off+1024)
	w.check(w.is(p, 0), "the rest of the block: "+brief(p))
}

func writeWithinNewBlock(w *world, t *sched.Task) {
	w.dirtyDisk()
	f := w.create(t)
	f.Fallocate(t, fs.Allocate, 0, page)
	f.DirectWrite(t, fill('n', 512), 1024, 0)
	w.shows(t, f, cat(make([]byte, 1024), fill('n', 512), make([]byte, page-1536)))
}

func dsyncWriteOfNewBlocks(w *world, t *sched.Task) {
	f := w.create(t)
	flushes := 0
	w.m.Disk().Record(func(e block.Event) {
		if e.Op == block.OpFlush && e.What == block.Answered {
			flushes++
		}
	})
	n, err := f.DirectWrite(t, fill('n', int(page)), 0, Dsync)
	w.check(n == page && err == errno.OK && flushes > 0, "no flush")
}

func readOverTheEnd(w *world, t *sched.Task) {
	f := w.fileOf(t, 1000)
	n, err := f.DirectRead(t, make([]byte, page), 0, 0)
	w.check(n == 1000 && err == errno.OK, "count")
}

func directReadOfCached(w *world, t *sched.Task) {
	f := w.fileOf(t, page)
	f.Read(t, make([]byte, page), 0, 0)
	f.DirectRead(t, make([]byte, page), 0, 0)
	w.check(f.Resident(t, 0, page) == 1, "the read has thrown the cache away")
}

// directReadBehindGrowingEnd: whoever sees the new size sees the new bytes.
func directReadBehindGrowingEnd(w *world, t *sched.Task) {
	f := w.create(t)
	writer := t.Go("writer", func(t *sched.Task) { f.SubmitWrite(t, fill('n', int(page)), 0, 0).Reap(t) })
	reader := t.Go("reader", func(t *sched.Task) {
		for n := int64(0); n == 0; {
			p := make([]byte, page)
			n, _ = f.DirectRead(t, p, 0, 0)
			w.check(w.is(p[:n], 'n'), "bytes nobody wrote: "+brief(p[:n]))
		}
	})
	t.Join(writer)
	t.Join(reader)
}

// bufferedWriteWaitsForDio: on ext4 a buffered write waits for direct I/O in flight, so nothing is dirty when that is over.
func bufferedWriteWaitsForDio(w *world, t *sched.Task) {
	f := w.fileOf(t, page)
	w.m.Disk().Hold(block.Match{Ops: block.Writes})
	a := f.SubmitWrite(t, fill('n', int(page)), 0, 0)
	f.Read(t, make([]byte, page), 0, 0)
	writer := t.Go("writer", func(t *sched.Task) { f.Write(t, fill('b', 100), 0, 0) })
	w.m.Disk().Release(t, block.Everything())
	a.Reap(t)
	t.Join(writer)
	w.check(w.count(trace.WarnStalePagecache) == 0 && f.Fsync(t) == errno.OK, "a collision")
}

// asyncWriteBesideRead is postWriteInvalidation for one page and an asynchronous write.
func asyncWriteBesideRead(w *world, t *sched.Task) {
	f := w.fileOf(t, page)
	w.m.Disk().Hold(block.Match{Ops: block.Writes})
	a := f.SubmitWrite(t, fill('n', int(page)), 0, 0)
	f.Read(t, make([]byte, page), 0, 0)
	w.m.Disk().Release(t, block.Everything())
	a.Reap(t)
	w.shows(t, f, fill('n', int(page)))
}

func failedAsyncWrite(w *world, t *sched.Task) {
	f := w.fileOf(t, page)
	w.m.Disk().Fail(block.Match{Ops: block.Writes}, errno.EIO, 1)
	_, err := f.SubmitWrite(t, fill('n', int(page)), 0, 0).Reap(t)
	w.check(err == errno.EIO, "write returns "+err.String())
}

func nowaitWriteOverDirty(w *world, t *sched.Task) {
	f := w.fileOf(t, page)
	f.Write(t, fill('d', int(page)), 0, 0)
	_, err := f.DirectWrite(t, fill('n', int(page)), 0, Nowait)
	w.check(err == errno.EAGAIN, "write returns "+err.String())
}

// readBesideCowWrite: while a direct write of shared blocks is in flight a read shows the old bytes.
func readBesideCowWrite(w *world, t *sched.Task) {
	w.dirtyDisk()
	f := w.fileOf(t, page)
	g, _ := w.m.Create(t, "g")
	w.check(f.CloneRange(t, 0, g, 0, 0) == errno.OK, "clone")
	w.m.Disk().Hold(block.Match{Ops: block.Writes})
	a := f.SubmitWrite(t, fill('n', int(page)), 0, 0)
	p := make([]byte, page)
	n, err := f.DirectRead(t, p, 0, 0)
	w.check(n == page && err == errno.OK && w.is(p, 'o'), "in flight: "+brief(p))
	w.m.Disk().Release(t, block.Everything())
	a.Reap(t)
	w.shows(t, f, fill('n', int(page)))
	w.shows(t, g, fill('o', int(page)))
}

// failedFallback: the disk refuses the data of a direct write that goes through the cache.
func failedFallback(w *world, t *sched.Task) {
	f := w.fileOf(t, page)
	w.m.Disk().Fail(block.Match{Ops: block.Writes}, errno.EIO, -1)
	_, err := f.DirectWrite(t, fill('n', int(page)), 0, 0)
	w.check(err == errno.EIO, "write returns "+err.String())
}

// failedFallbackAfterRedirty does so where only a failed invalidation leads there.
func failedFallbackAfterRedirty(w *world, t *sched.Task) {
	f := w.fileOf(t, page)
	f.Store(t, fill('d', 100), 0)
	w.m.Disk().Hold(block.Match{Ops: block.Writes})
	writer := t.Go("writer", func(t *sched.Task) {
		_, err := f.DirectWrite(t, fill('n', int(page)), 0, 0)
		w.check(err == errno.EIO, "write returns "+err.String())
	})
	w.m.Disk().AwaitHeld(t, 1)
	f.Store(t, fill('e', 100), 0)
	w.m.Disk().Release(t, block.Everything())
	w.m.Disk().Fail(block.Match{Ops: block.Writes, Data: func(p []byte) bool { return p[0] == 'n' }}, errno.EIO, -1)
	t.Join(writer)
}

// writeOverHole: the first page has blocks, the second does not, and gfs2 allocates only for the cache.
func writeOverHole(w *world, t *sched.Task) {
	f := w.fileOf(t, page)
	f.Truncate(t, 2*page)
	f.Fsync(t)
	w.m.DropCaches(t)
	n, err := f.DirectWrite(t, cat(fill('n', int(page)), fill('m', int(page))), 0, 0)
	w.check(n == 2*page && err == errno.OK, "count")
	w.shows(t, f, cat(fill('n', int(page)), fill('m', int(page))))
}

func failedDirectWrite(w *world, t *sched.Task) {
	f := w.fileOf(t, page)
	w.m.Disk().Fail(block.Match{Ops: block.Writes}, errno.EIO, 1)
	_, err := f.DirectWrite(t, fill('n', int(page)), 0, 0)
	w.check(err == errno.EIO, "write returns "+err.String())
}
