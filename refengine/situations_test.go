package refengine

import (
	"bytes"
	"context"
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

const k64 = 64 << 10

// world is one execution of a situation: the machine, what it traced, and what went wrong.
type world struct {
	m        *Machine
	events   []Event
	wrong    []string
	reported bool            // a sync has returned the EIO of a failed invalidation
	resizes  bool            // the program changes sizes: short results are legal
	patterns map[byte][]byte // 64 KiB of a letter, never changed
	views    [][]byte        // 64 KiB each, to read into
	lent     int             // of views
}

func (w *world) check(ok bool, what string) {
	if !ok {
		w.wrong = append(w.wrong, what)
	}
}

func (w *world) count(name string) int {
	n := 0
	for _, e := range w.events {
		if e.Name == name {
			n++
		}
	}
	return n
}

// again empties the world for another execution, and keeps its memory.
func (w *world) again() {
	*w = world{events: w.events[:0], patterns: w.patterns, views: w.views}
}

// pattern returns 64 KiB of a letter. Nobody may change it.
func (w *world) pattern(c byte) []byte {
	if w.patterns[c] == nil {
		if w.patterns == nil {
			w.patterns = map[byte][]byte{}
		}
		w.patterns[c] = fill(c, k64)
	}
	return w.patterns[c]
}

// view returns 64 KiB to read into, with anything in it, for the rest of the execution.
func (w *world) view() []byte {
	if w.lent == len(w.views) {
		w.views = append(w.views, make([]byte, k64))
	}
	w.lent++
	return w.views[w.lent-1]
}

func fill(c byte, n int) []byte { return bytes.Repeat([]byte{c}, n) }

func (w *world) is(p []byte, c byte) bool { return bytes.Count(p, []byte{c}) == len(p) }

// situation runs a program under a strategy and returns the first execution that ended badly, nil if none did.
func situation(t *testing.T, c Config, strategy sched.Strategy, budget int, main func(*world, *sched.Task)) (*sched.Result, []string, string) {
	t.Helper()
	var w *world
	var bad *sched.Result
	var wrong []string
	token := ""
	sched.Explore(context.Background(), sched.Options{Name: t.Name(), Strategy: strategy, Budget: budget, MaxSteps: 1 << 17},
		func(s *sched.Sched) { w = start(t, s, c, main) },
		func(r *sched.Result) bool {
			if r.Outcome != sched.Done || len(w.wrong) > 0 {
				bad, wrong, token = r, w.wrong, r.Token()
				return false
			}
			return true
		})
	return bad, wrong, token
}

func start(t *testing.T, s *sched.Sched, c Config, main func(*world, *sched.Task)) *world {
	t.Helper()
	w := &world{}
	c.Trace = func(e Event) { w.events = append(w.events, e) }
	m, err := New(s, c)
	if err != nil {
		panic(err)
	}
	w.m = m
	s.Go("main", func(task *sched.Task) { main(w, task) })
	return w
}

// oldFile returns a file of 64 KiB of 'o' on the disk and not in the cache.
func (w *world) oldFile(t *sched.Task) *File {
	f, err := w.m.Create(t, "f")
	w.check(err == errno.OK, "create")
	n, err := f.Write(t, w.pattern('o'), 0, 0)
	w.check(n == k64 && err == errno.OK, "write old")
	w.check(f.Fsync(t) == errno.OK, "fsync old")
	w.m.DropCaches(t)
	return f
}

// agree checks that every way to read the file shows c, also after its cache is dropped and after a remount.
func (w *world) agree(t *sched.Task, f *File, c byte) {
	p := w.view()
	read := func(how string, get func([]byte) (int64, Errno)) {
		n, err := get(p)
		w.check(n == k64 && err == errno.OK && w.is(p, c), how)
	}
	buffered := func(p []byte) (int64, Errno) { return f.Read(t, p, 0, 0) }
	read("mapped", func(p []byte) (int64, Errno) { return f.Load(t, p, 0) })
	read("buffered", buffered)
	read("direct", func(p []byte) (int64, Errno) { return f.DirectRead(t, p, 0, 0) })
	w.m.DropCaches(t)
	read("after drop", buffered)
	w.m.Remount(t)
	read("after remount", buffered)
}

// postWriteInvalidation: a buffered read refills the cache while a direct write is in flight.
func postWriteInvalidation(w *world, t *sched.Task) {
	f := w.oldFile(t)
	w.m.Disk().Hold(block.Match{Ops: block.Writes, Ranges: f.DiskRanges(0, k64)})
	writer := t.Go("writer", func(t *sched.Task) {
		n, err := f.DirectWrite(t, w.pattern('n'), 0, 0)
		w.check(n == k64 && err == errno.OK, "direct write")
	})
	w.m.Disk().AwaitHeld(t, 1)
	reader := t.Go("reader", func(t *sched.Task) {
		p := w.view()
		n, err := f.Read(t, p, 0, 0)
		w.check(n == k64 && err == errno.OK && (w.is(p, 'o') || w.is(p, 'n')), "read in flight")
	})
	if w.m.Filesystem() == "xfs" || w.m.Filesystem() == "ext4" {
		t.Join(reader)
	} else {
		w.m.AwaitBlocked(t, reader)
	}
	w.m.Disk().Release(t, block.Everything())
	t.Join(writer)
	t.Join(reader)
	w.agree(t, f, 'n')
}

// redirty: a page is dirtied again during the writeback that a direct write over it starts.
func redirty(w *world, t *sched.Task) {
	f := w.oldFile(t)
	store := func(t *sched.Task, c byte) {
		n, err := f.Store(t, w.pattern(c)[:4096], 8192)
		w.check(n == 4096 && err == errno.OK, "store")
	}
	store(t, 'd')
	w.m.Disk().Hold(block.Match{Ops: block.Writes})
	writer := t.Go("writer", func(t *sched.Task) {
		n, err := f.DirectWrite(t, w.pattern('n'), 0, 0)
		w.check(n == k64 && err == errno.OK, "direct write")
	})
	w.m.Disk().AwaitHeld(t, 1)
	store(t, 'e')
	w.m.Disk().Release(t, block.Everything())
	t.Join(writer)
	w.check(w.count(trace.DioInvalidateFail) > 0, "iomap_dio_invalidate_fail")
	w.agree(t, f, 'n')
}

// truncateWaits: truncate must wait for an asynchronous direct read in flight.
func truncateWaits(w *world, t *sched.Task) {
	f := w.oldFile(t)
	w.m.Disk().Hold(block.Match{Ops: block.Reads})
	p := w.view()
	a := f.SubmitRead(t, p, 0, 0)
	w.m.Disk().AwaitHeld(t, 1)
	truncater := t.Go("truncater", func(t *sched.Task) { w.check(f.Truncate(t, 4096) == errno.OK, "truncate") })
	what, blocked := w.m.AwaitBlocked(t, truncater)
	w.check(blocked && what == "inode_dio_wait", "truncate blocked at "+what)
	w.m.Disk().Release(t, block.Everything())
	n, err := a.Reap(t)
	w.check(n == k64 && err == errno.OK && w.is(p, 'o'), "direct read")
	t.Join(truncater)
	w.check(f.Size() == 4096, "size")
}

func TestSituationsHoldOnUnmutatedEngine(t *testing.T) {
	for _, fsName := range []string{"xfs", "ext4"} {
		for name, main := range map[string]func(*world, *sched.Task){
			"post-write-invalidation": postWriteInvalidation, "redirty": redirty, "truncate-waits": truncateWaits,
		} {
			t.Run(fsName+"/"+name, func(t *testing.T) {
				if r, wrong, token := situation(t, Config{FS: fsName}, sched.NewRandom(1), 50, main); r != nil {
					t.Fatalf("%v\nwrong: %q\n%s", r, wrong, token)
				}
			})
		}
	}
}

func TestMutantsAreCaughtAndReplay(t *testing.T) {
	for _, c := range []struct {
		id   mutant.ID
		main func(*world, *sched.Task)
	}{
		{mutant.DioSkipPostInvalidate, postWriteInvalidation},
		{mutant.DioIgnoreInvalidateFailure, redirty},
		{mutant.TruncateNoDioWait, truncateWaits},
	} {
		for _, fsName := range []string{"xfs", "ext4"} {
			t.Run(fsName+"/"+mutant.Of(c.id).String(), func(t *testing.T) {
				cfg := Config{FS: fsName, Mutants: mutant.Of(c.id)}
				r, wrong, token := situation(t, cfg, sched.NewRandom(1), 50, c.main)
				if r == nil {
					t.Fatal("the mutant was not caught")
				}
				t.Logf("%v %q %s", r.Outcome, wrong, token)
				replayed, err := sched.Replay(token, sched.Options{Name: t.Name(), MaxSteps: 1 << 17},
					func(s *sched.Sched) { start(t, s, cfg, c.main) })
				if err != nil || replayed.Hash != r.Hash || replayed.Outcome != r.Outcome {
					t.Fatalf("replay: %v, hash %x and not %x", err, replayed.Hash, r.Hash)
				}
			})
		}
	}
}

// On gfs2 the reader waits for the glock that the direct write in flight holds, and reads the new bytes.
func TestGfs2ReaderWaitsForTheGlockOfADirectWrite(t *testing.T) {
	main := func(w *world, t *sched.Task) {
		f := w.oldFile(t)
		w.m.Disk().Hold(block.Match{Ops: block.Writes})
		writer := t.Go("writer", func(t *sched.Task) { f.DirectWrite(t, w.pattern('n'), 0, 0) })
		w.m.Disk().AwaitHeld(t, 1)
		p := make([]byte, k64)
		reader := t.Go("reader", func(t *sched.Task) { f.Read(t, p, 0, 0) })
		what, blocked := w.m.AwaitBlocked(t, reader)
		w.check(blocked && what == "glock", "reader blocked at "+what)
		storer := t.Go("storer", func(t *sched.Task) { f.Store(t, fill('s', 4096), 0) })
		what, blocked = w.m.AwaitBlocked(t, storer)
		w.check(blocked && what == "glock", "storer blocked at "+what)
		w.m.Disk().Release(t, block.Everything())
		t.Join(writer)
		t.Join(reader)
		t.Join(storer)
		w.check(w.is(p[4096:], 'n'), "read")
		w.check(w.count(trace.DioInvalidateFail) == 0, "iomap_dio_invalidate_fail")
	}
	holds(t, Config{FS: "gfs2"}, main)
}

// On btrfs the direct write of a checksummed file goes through the cache: nothing is submitted directly, and it is flushed when
// it returns.
func TestBtrfsDirectWriteOfChecksummedFileIsBufferedAndFlushed(t *testing.T) {
	holds(t, Config{FS: "btrfs"}, func(w *world, t *sched.Task) {
		f := w.oldFile(t)
		n, err := f.DirectWrite(t, w.pattern('n'), 0, 0)
		w.check(n == k64 && err == errno.OK, "direct write")
		w.check(w.count(trace.DioRWBegin) == 0, "iomap_dio_rw_begin")
		p := make([]byte, k64)
		for i, r := range f.DiskRanges(0, k64) {
			w.check(i == 0 && r.Len() == k64, "one extent")
			w.m.Disk().ReadAt(p, r.Off)
		}
		w.check(w.is(p, 'n'), "on the disk when it returns")
		w.agree(t, f, 'n')
	})
}

// Up to 6.11 a direct read in flight keeps its range of a btrfs file locked, later only while it is submitted.
func TestBtrfsReaderWaitsForADirectReadInFlightUpTo611(t *testing.T) {
	for release, waits := range map[string]bool{"6.1": true, "6.11": true, "6.12": false, "6.17": false} {
		holds(t, Config{FS: "btrfs", Release: release}, func(w *world, t *sched.Task) {
			f := w.oldFile(t)
			h := w.m.Disk().Hold(block.Match{Ops: block.Reads})
			direct := t.Go("direct", func(t *sched.Task) { f.DirectRead(t, make([]byte, k64), 0, 0) })
			w.m.Disk().AwaitHeld(t, 1)
			w.m.Disk().StopHolding(h)
			reader := t.Go("reader", func(t *sched.Task) { f.Read(t, make([]byte, k64), 0, 0) })
			what, blocked := w.m.AwaitBlocked(t, reader)
			// The reader sleeps in the lookup of its readahead, with its folios locked.
			w.check(blocked == waits && (!waits || what == "extent lock"), release+": reader blocked at "+what)
			w.m.Disk().Release(t, block.Everything())
			t.Join(direct)
			t.Join(reader)
		})
	}
}

// On xfs a synchronous direct read keeps i_rwsem, an asynchronous one does not: that is what truncate waits for.
func TestXfsSynchronousDirectReadKeepsTheIolock(t *testing.T) {
	holds(t, Config{FS: "xfs"}, func(w *world, t *sched.Task) {
		f := w.oldFile(t)
		w.m.Disk().Hold(block.Match{Ops: block.Reads})
		reader := t.Go("reader", func(t *sched.Task) { f.DirectRead(t, make([]byte, k64), 0, 0) })
		w.m.Disk().AwaitHeld(t, 1)
		truncater := t.Go("truncater", func(t *sched.Task) { f.Truncate(t, 0) })
		what, blocked := w.m.AwaitBlocked(t, truncater)
		w.check(blocked && what == "i_rwsem", "truncate blocked at "+what)
		w.m.Disk().Release(t, block.Everything())
		t.Join(reader)
		t.Join(truncater)
	})
}

func TestTruncateWaitsForAsynchronousDirectReadEverywhere(t *testing.T) {
	for _, name := range []string{"xfs", "ext4", "btrfs", "gfs2"} {
		holds(t, Config{FS: name}, truncateWaits)
	}
}

// xfs leaves the data of a fallback dirty in the cache, ext4 flushes it before the write returns.
func TestFallbackLeavesDataDirtyOnXfsAndFlushedOnExt4(t *testing.T) {
	for name, want := range map[string]byte{"xfs": 'd', "ext4": 'n'} {
		holds(t, Config{FS: name}, func(w *world, t *sched.Task) {
			f := w.oldFile(t)
			f.Store(t, fill('d', 4096), 0)
			w.m.Disk().Hold(block.Match{Ops: block.Writes})
			writer := t.Go("writer", func(t *sched.Task) { f.DirectWrite(t, w.pattern('n'), 0, 0) })
			w.m.Disk().AwaitHeld(t, 1)
			f.Store(t, fill('e', 1), 100)
			w.m.Disk().Release(t, block.Everything())
			t.Join(writer)
			p := make([]byte, 4096)
			w.m.Disk().ReadAt(p, f.DiskRanges(0, 4096)[0].Off)
			w.check(p[0] == want, name+" has "+string(p[0])+" on the disk")
		})
	}
}

func TestProgramThatHoldsARequestAndWaitsForItIsADeadlockWithNames(t *testing.T) {
	r, _, _ := situation(t, Config{FS: "xfs"}, sched.NewRandom(1), 1, func(w *world, t *sched.Task) {
		f := w.oldFile(t)
		w.m.Disk().Hold(block.Match{Ops: block.Writes})
		f.DirectWrite(t, w.pattern('n'), 0, 0)
	})
	if r == nil || r.Outcome != sched.Deadlock || r.Blocked[0].String() != "main waits for direct I/O of f (holds i_rwsem of f shared)" {
		t.Errorf("%v", r)
	}
}

// holds fails the test unless the program ends well in every execution.
func holds(t *testing.T, c Config, main func(*world, *sched.Task)) {
	t.Helper()
	if r, wrong, token := situation(t, c, sched.NewRandom(1), 30, main); r != nil {
		t.Errorf("%s %s: %v\nwrong: %q\n%s", c.FS, c.Release, r, wrong, token)
	}
}
