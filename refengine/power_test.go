package refengine

import (
	"context"
	"fmt"
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// revived cuts the power and returns the file as a new machine finds it.
func (w *world) revived(t *sched.Task, c Config, name string, keep func(n, of int) bool) *File {
	w.m.Cut(t, keep)
	next, err := w.m.Restart(t, c)
	if err != nil {
		panic(err)
	}
	w.m = next
	f, e := w.m.Open(t, name)
	w.check(e == 0, "open "+name+" after the cut: "+e.String())
	return f
}

// someTimes executes main by a number of schedules, each of which must be clean.
func someTimes(t *testing.T, c Config, main func(*world, *sched.Task)) {
	t.Helper()
	var w *world
	sched.Explore(context.Background(), sched.Options{Strategy: sched.NewRandom(1), Budget: 20, MaxSteps: 1 << 16},
		func(s *sched.Sched) { w = start(t, s, c, main) },
		func(r *sched.Result) bool {
			if r.Outcome != sched.Done || len(w.wrong) > 0 {
				t.Errorf("%s: %v %s %q", c.FS, r.Outcome, r.Message, w.wrong)
			}
			return r.Outcome == sched.Done && len(w.wrong) == 0
		})
}

func nothing(int, int) bool    { return false }
func everything(int, int) bool { return true }

// bytesOf reads the whole file directly.
func bytesOf(t *sched.Task, f *File) string {
	p := make([]byte, f.Size())
	f.DirectRead(t, p, 0, 0)
	return brief(p)
}

func TestAPowerCutLeavesTheDataAndTheMetadataOfTheLastSync(t *testing.T) {
	for _, c := range []Config{{FS: "xfs"}, {FS: "ext4"}, {FS: "btrfs"}, {FS: "gfs2"}, {FS: "bcachefs"}, {FS: "btrfs", FSOptions: fs.Options{NoDatasum: true}}} {
		for name, want := range map[string]func(w *world, t *sched.Task, f *File) string{
			"synced":             func(w *world, t *sched.Task, f *File) string { f.Fsync(t); return "oooooooonnnnnnnn" },
			"not synced":         func(*world, *sched.Task, *File) string { return "oooooooo" },
			"another one synced": func(w *world, t *sched.Task, f *File) string { w.fileOf2(t).Fsync(t); return "" },
		} {
			someTimes(t, c, func(w *world, t *sched.Task) {
				f := w.fileOf(t, page)
				w.m.EnableCut(t)
				f.Write(t, fill('n', page), page, 0)
				expect := want(w, t, f)
				got := bytesOf(t, w.revived(t, c, "f", nothing))
				// To sync another file makes the log durable up to there, and with it a size that the data may not have yet.
				w.check(got == expect || expect == "", fmt.Sprintf("%s, %s: f is %s, want %s", c.FS, name, got, expect))
			})
		}
	}
}

// fileOf2 makes another file.
func (w *world) fileOf2(t *sched.Task) *File {
	g, _ := w.m.Create(t, "g")
	g.Write(t, fill('g', page), 0, 0)
	return g
}

// Blocks that were freed and not committed are not given to others, though everything that the disk was asked survives.
func TestBlocksAreBusyUntilTheirFreeingIsDurable(t *testing.T) {
	c := Config{FS: "xfs"}
	someTimes(t, c, func(w *world, t *sched.Task) {
		f := w.fileOf(t, 2*page)
		g, _ := w.m.Create(t, "g")
		w.m.EnableCut(t)
		f.Truncate(t, 0)
		g.DirectWrite(t, fill('x', 2*page), 0, 0)
		before := fmt.Sprint(g.DiskRanges(0, 2*page))
		g.Truncate(t, 0)
		g.Fsync(t) // commits both truncations
		g.DirectWrite(t, fill('y', 2*page), 0, 0)
		w.check(fmt.Sprint(g.DiskRanges(0, 2*page)) != before, "committed blocks are not reused")
		w.check(bytesOf(t, w.revived(t, c, "f", everything)) == "", "f was truncated for good")
	})
	someTimes(t, c, func(w *world, t *sched.Task) {
		f := w.fileOf(t, 2*page)
		g, _ := w.m.Create(t, "g")
		w.m.EnableCut(t)
		f.Truncate(t, 0)
		g.DirectWrite(t, fill('x', 2*page), 0, 0)
		got := bytesOf(t, w.revived(t, c, "f", everything))
		w.check(got == "oooooooooooooooo", "f shows "+got)
	})
}

// A cut beside what is going on declares what it touches: swapping independent steps changes nothing.
func TestAPowerCutDeclaresWhatItTouches(t *testing.T) {
	// On btrfs the write takes so many steps that a few hundred schedules see none in which it comes first.
	for i, c := range []Config{{FS: "xfs"}, {FS: "gfs2"}, {FS: "btrfs", FSOptions: fs.Options{NoDatasum: true}}} {
		final, finals := "", []int{2, 2, 1}[i]
		a := sched.Audit(t.Context(), sched.Options{Budget: 300, MaxSteps: 1 << 16}, func(s *sched.Sched) {
			final = ""
			start(t, s, c, func(w *world, t *sched.Task) {
				f := w.fileOf(t, page)
				w.m.EnableCut(t)
				t.Go("writer", func(t *sched.Task) { f.DirectWrite(t, fill('n', 2*page), 0, Dsync) })
				final = bytesOf(t, w.revived(t, c, "f", nothing))
			})
		}, func(*sched.Result) string { return final })
		for _, f := range a.Findings {
			t.Errorf("%s: %s", c.FS, f)
		}
		if a.Finals < finals {
			t.Errorf("%s: %d final states, want %d", c.FS, a.Finals, finals)
		}
	}
}
