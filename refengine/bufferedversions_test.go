package refengine

import (
	"fmt"
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// ends says how a program ended within some executions: whether all its checks held in all of them.
func ends(t *testing.T, c Config, budget int, main func(*world, *sched.Task)) bool {
	t.Helper()
	r, _, _ := situation(t, c, sched.NewRandom(1), budget, main)
	return r == nil
}

// grown stores behind the end of a file of 100 bytes and makes the file longer; what was stored must not show, in the cache or, if
// onDisk is set, after a remount.
func grown(how string, onDisk bool) func(*world, *sched.Task) {
	return func(w *world, t *sched.Task) {
		f := w.create(t)
		f.Write(t, fill('o', 100), 0, 0)
		f.Fsync(t)
		f.Store(t, fill('x', pg-200), 200)
		if how == "truncate" {
			f.Truncate(t, 2*pg)
		} else {
			f.Write(t, fill('n', 1), 2*pg-1, 0)
		}
		if onDisk {
			w.m.Remount(t)
		}
		w.seesAt(t, f, 100, make([]byte, pg-100), how)
	}
}

// What was measured on Debian's kernels: whether bytes that a mapping stored behind the end of the file show when it grows, in the
// cache and on the disk.
func TestBytesBehindTheEndShowWhereTheyDoOnKernels(t *testing.T) {
	for _, c := range []struct {
		fs, release   string
		bs            int64
		cache, onDisk bool
	}{
		{"ext4", "5.10", 4096, true, true}, {"ext4", "6.1", 4096, true, true}, {"ext4", "6.12", 4096, false, false},
		{"ext4", "6.17", 4096, false, false}, {"ext4", "7.2", 4096, false, false},
		{"ext4", "5.10", 1024, true, true}, {"ext4", "6.1", 1024, true, true}, {"ext4", "6.12", 1024, true, false},
		{"ext4", "6.17", 1024, false, false}, {"ext4", "7.2", 1024, false, false},
		{"xfs", "5.10", 1024, true, false}, {"xfs", "6.1", 1024, true, false}, {"xfs", "6.12", 1024, false, false},
		{"xfs", "6.17", 1024, false, false}, {"xfs", "7.2", 1024, false, false},
		{"xfs", "5.10", 4096, false, false}, {"xfs", "7.2", 4096, false, false},
	} {
		for _, how := range []string{"truncate", "write"} {
			for onDisk, stale := range map[bool]bool{false: c.cache, true: c.onDisk} {
				cfg := Config{FS: c.fs, Release: c.release, BlockSize: c.bs}
				if clean := ends(t, cfg, 5, grown(how, onDisk)); clean == stale {
					t.Errorf("%s %s %d, %s, on disk %v: stale %v", c.fs, c.release, c.bs, how, onDisk, !clean)
				}
			}
		}
	}
}

// Known bugs of buffered I/O and the first of the modelled releases without them.
func TestKnownBufferedBugsEndWithTheirRelease(t *testing.T) {
	releases := []string{"5.10", "6.1", "6.12", "7.2"}
	journalled := fs.Options{JournalData: true}
	for _, c := range []struct {
		name, fixed string
		c           Config
		main        func(*world, *sched.Task)
	}{
		{"stale cached iomap", "6.1", Config{FS: "xfs"}, staleMapping},
		{"write failure truncates good cache", "6.1", Config{FS: "xfs"}, failedWriteBesideStore},
		{"gfs2 hook after the unlock", "6.12", Config{FS: "gfs2", FSOptions: journalled}, journalledBeforeUnlock},
		{"zero range over dirty unwritten blocks", "6.12", Config{FS: "xfs", BlockSize: 1024}, storeBehindEOF},
		{"zero padding in appended bytes", "6.12", Config{FS: "xfs"}, appendsInOneBlock},
		{"gfs2 glock over a fault", "6.1", Config{FS: "gfs2"}, ownMemory},
	} {
		broken := true
		for _, release := range releases {
			broken = broken && release != c.fixed
			cfg := c.c
			cfg.Release = release
			budget := 100
			if broken {
				budget = 2000
			}
			if clean := ends(t, cfg, budget, c.main); clean == broken {
				t.Errorf("%s: %s: clean %v", c.name, release, clean)
			}
		}
	}
}

// A hook on an unlocked folio finds its buffers gone when the folio was released in between: a copy that brought nothing has left
// it clean.
func TestGfs2HookOnAnUnlockedFolioMeetsTheShrinker(t *testing.T) {
	t.Parallel()
	main := func(w *world, t *sched.Task) {
		f := w.synced(t, "f", 'o', pg)
		b := mm.Faulting(t.Sched(), fill('n', pg), func(*sched.Task, int64, bool) bool { return true })
		shrinker := t.Go("shrinker", func(t *sched.Task) {
			b.Evict(t, 0, pg)
			w.m.DropCaches(t)
		})
		n, err := writeFrom(t, f, b, 0)
		w.check(n == pg && err == errno.OK, "write")
		t.Join(shrinker)
		w.check(w.count(trace.Printk) == 0, "oops")
		w.shows(t, f, fill('n', pg))
	}
	journalled := fs.Options{JournalData: true}
	for release, clean := range map[string]bool{"6.1": false, "6.12": true} {
		if got := ends(t, Config{FS: "gfs2", FSOptions: journalled, Release: release}, 3000, main); got != clean {
			t.Errorf("%s: clean %v", release, got)
		}
	}
}

// The helper that was to replace pagecache_isize_extended protects the folio being written, and not the one of the old end of file.
func TestStraddleHelperLosesStoresBehindTheOldEndInAnotherFolio(t *testing.T) {
	for behaviour, clean := range map[iomap.ExtendedSize]bool{iomap.IsizeExtended: true, iomap.StraddleHelper: false} {
		for _, name := range []string{"ext4", "xfs"} {
			c := Config{FS: name, BlockSize: 1024, Behaviour: iomap.Behaviour{ExtendedSize: behaviour}}
			// xfs flushes what it zeroes behind the end since 6.12, and so write-protects it.
			if name == "xfs" {
				c.Release = "6.1"
			}
			if got := ends(t, c, 20, storeBehindOldEOF); got != clean {
				t.Errorf("%s %v: clean %v", name, behaviour, got)
			}
		}
	}
}

// Each way to zero over dirty unwritten blocks, and the one that does not.
func TestZeroingOverDirtyUnwrittenBlocks(t *testing.T) {
	for how, clean := range map[iomap.DirtyUnwritten]bool{iomap.ZeroSkips: false, iomap.ZeroFlushes: true, iomap.ZeroBatch: true} {
		c := Config{FS: "xfs", BlockSize: 1024, Behaviour: iomap.Behaviour{DirtyUnwritten: how}}
		if got := ends(t, c, 20, storeBehindEOF); got != clean {
			t.Errorf("%v: clean %v", how, got)
		}
	}
}

// Inline data: read, written, grown out of the inode by a write, a store and a truncation.
func TestInlineDataMovesToABlockWhenItGrows(t *testing.T) {
	for _, name := range []string{"ext4", "gfs2"} {
		for _, how := range []string{"write", "store", "truncate", "stay"} {
			holds(t, Config{FS: name, FSOptions: fs.Options{InlineData: true}}, func(w *world, t *sched.Task) {
				f := w.create(t)
				f.Write(t, fill('i', 100), 0, 0)
				_, inline := f.ino.Inline()
				w.check(inline, "not inline")
				want := make([]byte, 2*pg)
				copy(want, fill('i', 100))
				switch how {
				case "write":
					f.Write(t, fill('n', pg), pg, 0)
					copy(want[pg:], fill('n', pg))
				case "store":
					f.Store(t, fill('s', 50), 0)
					copy(want, fill('s', 50))
					want = want[:100]
				case "truncate":
					f.Truncate(t, 2*pg)
				case "stay":
					n, err := f.DirectWrite(t, fill('d', 512), 0, 0)
					w.check(n == 512 && err == errno.OK, fmt.Sprintf("direct write %d %v", n, err))
					want = fill('d', 512)
				}
				w.shows(t, f, want)
			})
		}
	}
}

// Large folios of small blocks, by everybody at once.
func TestLargeFoliosOfSmallBlocksAgreeAtQuiescence(t *testing.T) {
	t.Parallel()
	for _, c := range []Config{
		{FS: "xfs", BlockSize: 1024, FolioOrder: 2}, {FS: "xfs", BlockSize: 512, FolioOrder: 1, Release: "7.2"},
		{FS: "ext4", BlockSize: 1024, FolioOrder: 1}, {FS: "xfs", BlockSize: 1024, Release: "6.1"},
		{FS: "ext4", FSOptions: fs.Options{JournalData: true}}, {FS: "ext4", FSOptions: fs.Options{JournalData: true}, BlockSize: 1024},
		{FS: "ext4", FSOptions: fs.Options{JournalData: true}, Release: "6.1"},
	} {
		exploreToys(t, c, 30, dataKinds(), func(s uint64) sched.Strategy { return sched.NewRandom(s) }, 15)
	}
	kinds := []string{"write", "read", "store", "load", "fsync", "drop-caches"}
	for _, c := range []Config{
		{FS: "gfs2", FSOptions: fs.Options{JournalData: true}}, {FS: "gfs2", FSOptions: fs.Options{JournalData: true}, BlockSize: 1024},
	} {
		exploreToys(t, c, 40, kinds, func(s uint64) sched.Strategy { return sched.NewRandom(s) }, 15)
	}
}

// Direct I/O whose buffer is the very range of the file, on gfs2: a bug of the kernel's in 5.10; since then the write gives up
// and goes through the cache, and the read goes on for ever.
func TestDirectIOFromItsOwnMappingOnGfs2(t *testing.T) {
	run := func(release string, write bool) *sched.Result {
		r, wrong, _ := situation(t, Config{FS: "gfs2", Release: release}, sched.NewRandom(1), 3, func(w *world, t *sched.Task) {
			f := w.synced(t, "f", 'o', 2*pg)
			k := &iomap.Kiocb{Buf: mm.Mapped(f.vma(t), 0, pg), Direct: true, WbErr: &f.wbErr}
			n, err := int64(0), errno.OK
			if write {
				n, err = f.write(t, k)
			} else {
				n, err = f.m.fs.ReadIter(t, f.ino, k)
			}
			w.check(n == pg && err == errno.OK, fmt.Sprintf("%d %v", n, err))
		})
		if len(wrong) > 0 {
			t.Errorf("%s %v: %q", release, write, wrong)
		}
		return r
	}
	for release, want := range map[string][2]string{"5.10": {"deadlock", "deadlock"}, "6.1": {"", "limit"}, "7.2": {"", "limit"}} {
		for i, write := range []bool{true, false} {
			got := ""
			if r := run(release, write); r != nil {
				got = r.Outcome.String()
			}
			if got != want[i] && !(want[i] == "limit" && got != "" && got != "deadlock") {
				t.Errorf("%s write %v: %q, want %q", release, write, got, want[i])
			}
		}
	}
}

// Either side of the argument about the hook can be run on any release, on a file that became journalled after it was made.
func TestEitherSideOfTheHookArgumentRuns(t *testing.T) {
	for _, release := range []string{"6.1", "6.12"} {
		for hook, clean := range map[iomap.PutFolioHook]bool{iomap.HookUnderLock: true, iomap.HookAfterUnlock: false} {
			c := Config{FS: "gfs2", Release: release, Behaviour: iomap.Behaviour{PutFolio: hook}}
			got := ends(t, c, 5, func(w *world, t *sched.Task) {
				f := w.create(t)
				w.check(w.m.fs.SetAttr(t, f.ino, fs.Journalled) == errno.OK, "chattr +j")
				f.Write(t, fill('n', pg), 0, 0)
				orderOfHook(w)
			})
			if got != clean {
				t.Errorf("%s %v: clean %v", release, hook, got)
			}
		}
	}
}

// Journalled data survives a reclaimer that may take any folio it is allowed to at any time.
func TestJournalledDataSurvivesReclaim(t *testing.T) {
	mutants := map[string]mutant.Set{"gfs2": mutant.Of(mutant.Gfs2ReleaseSkipsTransaction), "ext4": mutant.Of(mutant.Ext4ReleaseSkipsJournal)}
	for _, name := range []string{"gfs2", "ext4"} {
		for _, release := range []string{"6.1", "6.12", "7.2", "mutant"} {
			c := Config{FS: name, FSOptions: fs.Options{JournalData: true}, Release: release}
			budget := 100
			if release == "mutant" {
				c.Release, c.Mutants, budget = "", mutants[name], 3000
			}
			c.Behaviour.PutFolio, c.Memory.Max = iomap.HookUnderLock, 64*pg
			r, wrong, token := situation(t, c, sched.NewRandom(1), budget, func(w *world, t *sched.Task) {
				f := w.synced(t, "f", 'o', 2*pg)
				reclaimer := w.m.StartReclaim(t, 6)
				syncer := t.Go("syncer", func(t *sched.Task) { f.Fsync(t) })
				f.Write(t, fill('n', pg+512), 512, 0)
				w.seesAt(t, f, 0, cat(fill('o', 512), fill('n', pg+512), fill('o', pg-1024)), "cache")
				t.Join(syncer)
				reclaimer.Stop(t)
				w.shows(t, f, cat(fill('o', 512), fill('n', pg+512), fill('o', pg-1024)))
			})
			if (r != nil) != (release == "mutant") {
				t.Errorf("%s %s: %v %q %s", name, release, r, wrong, token)
			}
		}
	}
}
