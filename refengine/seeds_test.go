package refengine

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// fallbacks counts in how many executions of a program the invalidation of a direct write failed; every one must end well.
func fallbacks(t *testing.T, c Config, main func(*world, *sched.Task)) (failed int) {
	t.Helper()
	for seed := range uint64(60) {
		r, wrong, token := situation(t, c, sched.NewRandom(seed), 1, func(w *world, task *sched.Task) {
			main(w, task)
			if w.count(trace.DioInvalidateFail) > 0 {
				failed++
			}
		})
		if r != nil {
			t.Fatalf("%s %s: %v %q %s", c.FS, c.Release, r, wrong, token)
		}
	}
	return failed
}

// A buffered write immediately followed by a direct one, with nobody dirtying anything.
func writeThenDirectWrite(w *world, t *sched.Task) {
	f := w.fileOf(t, page)
	f.Write(t, fill('b', page), 0, 0)
	n, err := f.DirectWrite(t, fill('n', page), 0, 0)
	w.check(n == page && err == errno.OK, "direct write")
	w.shows(t, f, fill('n', page))
}

// Seed 1: the folio of an ordered extent that is being finished is refused, and the write falls back; or it may go.
func TestBtrfsRefusesAFolioWhoseOrderedExtentIsBeingFinishedUpTo614(t *testing.T) {
	plain := fs.Options{NoDatasum: true}
	if n := fallbacks(t, Config{FS: "btrfs", Release: "6.1", FSOptions: plain}, writeThenDirectWrite); n == 0 {
		t.Error("6.1: no fallback")
	} else {
		t.Logf("6.1: %d of 60 executions fall back", n)
	}
	if n := fallbacks(t, Config{FS: "btrfs", Release: "6.16", FSOptions: plain}, writeThenDirectWrite); n > 0 {
		t.Errorf("6.16: %d fallbacks", n)
	}
	allow := Config{FS: "btrfs", Release: "6.1", FSOptions: plain, Behaviour: iomap.Behaviour{ReleaseFolio: iomap.ReleaseAllows}}
	if n := fallbacks(t, allow, writeThenDirectWrite); n > 0 {
		t.Errorf("6.1 with the folio allowed to go: %d fallbacks", n)
	}
	sleep := Config{FS: "btrfs", Release: "6.1", FSOptions: plain, Behaviour: iomap.Behaviour{ReleaseFolio: iomap.ReleaseSleeps}}
	if n := fallbacks(t, sleep, writeThenDirectWrite); n > 0 {
		t.Errorf("6.1 with a sleeping release: %d fallbacks", n)
	}
}

// readUnderPressure reads directly, with the range locked, into memory whose faults have to reclaim: f's cached pages first, then h's.
func readUnderPressure(w *world, t *sched.Task) {
	g, h := w.pagesOnDisk(t, "g", 2), w.pagesOnDisk(t, "h", 2)
	f := w.fileOf(t, 2*page)
	f.Read(t, make([]byte, 2*page), 0, 0)
	h.Read(t, make([]byte, 2*page), 0, 0)
	w.m.SetMemory(t, 0, 4*page)
	n, err := f.DirectReadBuffer(t, g.Memory(t, 0, 2*page), 0, 0)
	w.check(n == 2*page && err == errno.OK, "read returns "+err.String())
}

// Seed 1: a release that sleeps hangs, for reclaim enters it from whoever allocates with the range locked. Up to 5.15 a direct read
// faults its buffer in like that.
func TestASleepingReleaseHangsADirectReadOnItsOwnLock(t *testing.T) {
	c := Config{FS: "btrfs", Release: "5.10", Memory: Memory{Cgroup: true}}
	holds(t, c, readUnderPressure)
	c.Behaviour.ReleaseFolio = iomap.ReleaseSleeps
	r, _, _ := situation(t, c, sched.NewRandom(1), 1, readUnderPressure)
	if r == nil || r.Outcome != sched.Deadlock {
		t.Errorf("no deadlock: %v", r)
	}
	c.Release = "6.1"
	holds(t, c, readUnderPressure)
}

// Seed 3: what becomes of a direct write whose range stays cached.
func TestAFailedInvalidationFallsBackGoesStaleOrLeaksTheFirstDraftsError(t *testing.T) {
	for _, c := range []struct {
		fs        string
		behaviour iomap.InvalidateFailure
		release   string
		want      Errno
		stale     bool
	}{
		{"xfs", iomap.FailureByRelease, "6.12", errno.OK, false},
		{"xfs", iomap.FailureLeavesStale, "6.12", errno.OK, true},
		{"ext4", iomap.FailureLeavesStale, "6.12", errno.OK, true},
		{"xfs", iomap.FailureByRelease, "5.8", errno.OK, true},
		{"xfs", iomap.FailureEremchg, "6.12", errno.OK, false},
		{"ext4", iomap.FailureEremchg, "6.12", errno.OK, false},
		{"btrfs", iomap.FailureEremchg, "6.12", errno.EREMCHG, false},
	} {
		config := Config{FS: c.fs, Release: c.release, Behaviour: iomap.Behaviour{InvalidateFailure: c.behaviour}}
		config.FSOptions.NoDatasum = true
		holds(t, config, func(w *world, t *sched.Task) {
			f := w.fileOf(t, page)
			f.Store(t, fill('d', 100), 0)
			w.m.Disk().Hold(block.Match{Ops: block.Writes})
			writer := t.Go("writer", func(t *sched.Task) {
				_, err := f.DirectWrite(t, fill('n', page), 0, 0)
				w.check(err == c.want || (c.want == errno.EREMCHG && err == errno.OK), c.fs+" write returns "+err.String())
			})
			w.m.Disk().AwaitHeld(t, 1)
			storer := t.Go("storer", func(t *sched.Task) { f.Store(t, fill('e', 100), 0) })
			if c.fs != "btrfs" { // there a store waits for the writeback
				t.Join(storer)
			}
			w.m.Disk().Release(t, block.Everything())
			t.Join(writer)
			t.Join(storer)
			p := make([]byte, page)
			f.Read(t, p, 0, 0)
			if c.fs != "btrfs" {
				w.check((p[0] == 'e') == c.stale, c.fs+" shows "+brief(p))
				w.check((w.count(trace.WarnStalePagecache) > 0) == c.stale, "the warning")
			}
		})
	}
}

// Seed 3: reads that threw the cache away, for nothing.
func TestDirectReadsInvalidateBefore59(t *testing.T) {
	for release, want := range map[string]int{"5.8": 0, "5.10": 1, "6.12": 1} {
		holds(t, Config{FS: "xfs", Release: release}, func(w *world, t *sched.Task) {
			f := w.fileOf(t, page)
			f.Read(t, make([]byte, page), 0, 0)
			f.DirectRead(t, make([]byte, page), 0, 0)
			w.check(f.Resident(t, 0, page) == want, release)
		})
	}
}

// Seed 3: which errors must not become a fallback. Since 6.5 a writeback that fails does.
func TestAFailedWritebackIsReturnedUpTo64AndFallsBackSince(t *testing.T) {
	for _, c := range []struct {
		release  string
		switched iomap.WritebackFailure
		want     Errno
	}{
		{"6.1", iomap.WritebackByRelease, errno.EIO}, {"6.12", iomap.WritebackByRelease, errno.OK},
		{"6.1", iomap.WritebackErrorFallsBack, errno.OK}, {"6.12", iomap.WritebackErrorReturned, errno.EIO},
	} {
		config := Config{FS: "xfs", Release: c.release, Behaviour: iomap.Behaviour{WritebackFailure: c.switched}}
		holds(t, config, func(w *world, t *sched.Task) {
			f := w.fileOf(t, page)
			f.Write(t, fill('d', page), 0, 0)
			w.m.Disk().Fail(block.Match{Ops: block.Writes}, errno.EIO, 1)
			_, err := f.DirectWrite(t, fill('n', page), 0, 0)
			w.check(err == c.want, c.release+" returns "+err.String())
		})
	}
}

// Seed 3: a folio that is marked not uptodate instead of falling back is read again by whoever looks it up. Mappings, locked or not, lose
// it to the second invalidation at the latest; but a store to a part of the page that the write does not cover is lost for good.
func TestMarkingFoliosNotUptodateLosesStoresBesideTheWrite(t *testing.T) {
	for behaviour, want := range map[iomap.InvalidateFailure]byte{iomap.FailureFallsBack: 'e', iomap.FailureNotUptodate: 'd'} {
		c := Config{FS: "xfs", Behaviour: iomap.Behaviour{InvalidateFailure: behaviour}}
		holds(t, c, func(w *world, t *sched.Task) {
			f := w.fileOf(t, page)
			f.Mlock(t, 0, page)
			f.Store(t, fill('d', 100), 1000)
			w.m.Disk().Hold(block.Match{Ops: block.Writes})
			writer := t.Go("writer", func(t *sched.Task) { f.DirectWrite(t, fill('n', 512), 0, 0) })
			w.m.Disk().AwaitHeld(t, 1)
			f.Store(t, fill('e', 100), 1000)
			w.m.Disk().Release(t, block.Everything())
			t.Join(writer)
			p := make([]byte, page)
			f.Load(t, p, 0)
			w.check(p[0] == 'n' && p[1000] == want, "the mapping shows "+string(p[0])+" and "+string(p[1000]))
		})
	}
}

// faultsAgainstDirectWrites has tasks read a file's pages without a break, while another wants to write directly.
func faultsAgainstDirectWrites(rounds int) func(*world, *sched.Task) {
	return func(w *world, t *sched.Task) {
		f := w.fileOf(t, page)
		stop := false
		reader := func(t *sched.Task) {
			for i := 0; i < rounds && !stop; i++ {
				f.Read(t, make([]byte, 1), 0, 0)
			}
		}
		var tasks []*sched.Task
		for range 4 {
			tasks = append(tasks, t.Go("reader", reader))
		}
		writer := t.Go("writer", func(t *sched.Task) {
			f.DirectWrite(t, fill('n', page), 0, 0)
			stop = true
		})
		for _, o := range append(tasks, writer) {
			t.Join(o)
		}
	}
}

// Seed 4: the two-state lock starves, under a schedule that a strategy must find; the deadline cures it.
func TestTwoStateLockStarvesAndTheDeadlineCuresIt(t *testing.T) {
	for _, c := range []struct {
		fairness iomap.TwoState
		starves  bool
	}{{iomap.TwoStateUnfair, true}, {iomap.TwoStateDeadline, false}} {
		config := Config{FS: "bcachefs", Behaviour: iomap.Behaviour{TwoState: c.fairness}}
		r, wrong, _ := situation(t, config, sched.NewRandom(1), 200, faultsAgainstDirectWrites(400))
		if starved := r != nil && r.Outcome == sched.Starved; starved != c.starves || (!starved && r != nil) {
			t.Errorf("%d: %v %q", c.fairness, r, wrong)
		}
	}
}

// copyWithinFile is a buffered read into a mapping of the file it reads, while a direct write waits and others read.
func copyWithinFile(w *world, t *sched.Task) {
	f := w.fileOf(t, 3*page)
	f.Read(t, make([]byte, 1), 0, 0)
	w.m.Disk().Hold(block.Match{Ops: block.Reads})
	copier := t.Go("copier", func(t *sched.Task) { f.ReadBuffer(t, f.Memory(t, page, page), 0, 0) })
	w.m.Disk().AwaitHeld(t, 1)
	writer := t.Go("writer", func(t *sched.Task) { f.DirectWrite(t, fill('n', page), 0, 0) })
	what, blocked := w.m.AwaitBlocked(t, writer)
	w.check(blocked && what == "pagecache lock", "writer blocked at "+what)
	for range 4 {
		f.Read(t, make([]byte, 1), 0, 0)
	}
	w.m.Disk().Release(t, block.Everything())
	t.Join(copier)
	t.Join(writer)
}

// The price of the deadline: a task that has the lock and takes it again is kept out by the waiter that it keeps out.
func TestTheDeadlineDeadlocksWhoTakesTheLockTwice(t *testing.T) {
	config := Config{FS: "bcachefs", Behaviour: iomap.Behaviour{TwoState: iomap.TwoStateDeadline}}
	if r, wrong, _ := situation(t, config, sched.NewRandom(1), 20, copyWithinFile); r == nil || r.Outcome != sched.Deadlock {
		t.Errorf("no deadlock: %v %q", r, wrong)
	}
	holds(t, Config{FS: "bcachefs"}, copyWithinFile)
}
