package refengine

import (
	"context"
	"fmt"
	"hash/crc32"
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// What the buffered paths touch between two scheduling points is declared: exchanging two steps that declare nothing in common changes
// nothing, and no schedule ends in a state that the reduced search has not seen.
func TestBufferedPathsDeclareWhatTheyTouch(t *testing.T) {
	t.Parallel()
	journalled := fs.Options{JournalData: true}
	for _, c := range []Config{
		{FS: "xfs"}, {FS: "xfs", BlockSize: 1024}, {FS: "ext4"}, {FS: "gfs2"},
		{FS: "ext4", FSOptions: journalled}, {FS: "gfs2", FSOptions: journalled},
	} {
		var w *world
		a := sched.Audit(context.Background(), sched.Options{Budget: 300, MaxSteps: 1 << 16}, func(s *sched.Sched) {
			w = start(t, s, c, func(w *world, t *sched.Task) { appendBesideStore(w, t) })
		}, func(r *sched.Result) string { return fmt.Sprint(r.Outcome, w.wrong) })
		t.Logf("%s %d %v: %d finals, %d swaps, %v", c.FS, c.BlockSize, c.FSOptions.JournalData, a.Finals, a.Swaps, a.Proof)
		for _, f := range a.Findings {
			t.Errorf("%s %d: %s", c.FS, c.BlockSize, f)
		}
	}
}

// The same for the programs that show the mutants: they go to the corners.
func TestMutantProgramsDeclareWhatTheyTouch(t *testing.T) {
	t.Parallel()
	for i, c := range bufferedCatches() {
		var w *world
		a := sched.Audit(context.Background(), sched.Options{Budget: 40, MaxSteps: 1 << 16}, func(s *sched.Sched) {
			w = start(t, s, c.c, c.main)
		}, func(r *sched.Result) string { return fmt.Sprint(r.Outcome, w.wrong) })
		for _, f := range a.Findings {
			t.Errorf("%d %s: %s", i, c.c.FS, f)
		}
	}
}

// appendBesideStore appends, syncs and stores at once, and keeps what the file shows in the end.
func appendBesideStore(w *world, t *sched.Task) {
	f := w.create(t)
	f.Write(t, fill('o', pg), 0, 0)
	writer := t.Go("writer", func(t *sched.Task) { f.Write(t, fill('n', 2048), pg-1024, 0) })
	syncer := t.Go("syncer", func(t *sched.Task) { f.Fsync(t) })
	f.Store(t, fill('s', 512), pg-512)
	t.Join(writer)
	t.Join(syncer)
	p := make([]byte, 2*pg)
	n, _ := f.Read(t, p, 0, 0)
	w.wrong = append(w.wrong, fmt.Sprint(n, crc32.ChecksumIEEE(p[:n])))
	w.m.Remount(t)
	n, _ = f.Read(t, p, 0, 0)
	w.wrong = append(w.wrong, fmt.Sprint(n, crc32.ChecksumIEEE(p[:n])))
}
