package refengine

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// twin is a file and what it must contain.
type twin struct {
	f    *File
	want []byte
}

func (x *twin) grow(n int) {
	if n > len(x.want) {
		x.want = append(x.want, make([]byte, n-len(x.want))...)
	}
}

const modelSize = 5 * pg

// modelOp is one operation on a pair of files; it keeps the model, and says what it did.
type modelOp func(w *world, t *sched.Task, rng *rand.Rand, x, y *twin, c byte) string

func modelOps() []modelOp {
	return []modelOp{writeOp, shortWriteOp, storeOp, truncateOp, holeOp, allocateOp, cloneOp, settleOp}
}

// span picks a range in multiples of a unit.
func span(rng *rand.Rand, unit int) (off, n int) {
	off = rng.IntN(modelSize/unit) * unit
	return off, unit * (1 + rng.IntN((modelSize-off)/unit))
}

func writeOp(w *world, t *sched.Task, rng *rand.Rand, x, _ *twin, c byte) string {
	off, n := span(rng, 100)
	got, err := x.f.Write(t, fill(c, n), int64(off), 0)
	w.check(got == int64(n) && err == errno.OK, fmt.Sprintf("write %d %v", got, err))
	x.grow(off + n)
	copy(x.want[off:], fill(c, n))
	return fmt.Sprintf("write %d %d", off, n)
}

func shortWriteOp(w *world, t *sched.Task, rng *rand.Rand, x, _ *twin, c byte) string {
	off, n := span(rng, 100)
	good := min(n, 1+rng.IntN(n))
	got, _ := writeFrom(t, x.f, halfGood(t, c, good, n), int64(off))
	if w.m.sb.Release >= 516 {
		w.check(got == int64(good), fmt.Sprintf("short write %d of %d", got, good))
	}
	if got > 0 {
		x.grow(off + int(got))
		copy(x.want[off:], fill(c, int(got)))
	}
	return fmt.Sprintf("short write %d %d/%d", off, got, n)
}

func storeOp(w *world, t *sched.Task, rng *rand.Rand, x, _ *twin, c byte) string {
	off, n := span(rng, 100)
	if n = min(n, len(x.want)-off); n <= 0 {
		return "-"
	}
	got, err := x.f.Store(t, fill(c, n), int64(off))
	w.check(got == int64(n) && err == errno.OK, fmt.Sprintf("store %d %v", got, err))
	copy(x.want[off:], fill(c, n))
	return fmt.Sprintf("store %d %d", off, n)
}

func truncateOp(w *world, t *sched.Task, rng *rand.Rand, x, _ *twin, _ byte) string {
	size := rng.IntN(modelSize)
	w.check(x.f.Truncate(t, int64(size)) == errno.OK, "truncate")
	x.grow(size)
	x.want = x.want[:size:size]
	return fmt.Sprintf("truncate %d", size)
}

func holeOp(w *world, t *sched.Task, rng *rand.Rand, x, _ *twin, _ byte) string {
	off, n := span(rng, 100)
	mode := []fs.Mode{fs.PunchHole | fs.KeepSize, fs.ZeroRange | fs.KeepSize}[rng.IntN(2)]
	err := zeroRange(t, x.f, mode, int64(off), int64(n))
	if refusesHoles(x.f) && err == errno.EOPNOTSUPP {
		return "-"
	}
	w.check(err == errno.OK, "fallocate")
	if off < len(x.want) {
		clear(x.want[off:min(off+n, len(x.want))])
	}
	return fmt.Sprintf("punch or zero %d %d", off, n)
}

func allocateOp(w *world, t *sched.Task, rng *rand.Rand, x, _ *twin, _ byte) string {
	off, n := span(rng, 1024)
	err := x.f.Fallocate(t, []fs.Mode{fs.KeepSize, fs.UnshareRange}[rng.IntN(2)], int64(off), int64(n))
	w.check(err == errno.OK || err == errno.EOPNOTSUPP, "allocate or unshare")
	return fmt.Sprintf("allocate or unshare %d %d", off, n)
}

func cloneOp(w *world, t *sched.Task, rng *rand.Rand, x, y *twin, _ byte) string {
	bs := int(w.m.sb.BlockSize)
	off, n := span(rng, bs)
	to, _ := span(rng, bs)
	if n = min(n, len(x.want)-off, modelSize-to) / bs * bs; n <= 0 {
		return "-"
	}
	if err := x.f.CloneRange(t, int64(off), y.f, int64(to), int64(n)); err != errno.EOPNOTSUPP {
		w.check(err == errno.OK, "clone")
		y.grow(to + n)
		copy(y.want[to:], x.want[off:off+n])
	}
	return fmt.Sprintf("clone %d to %d %d", off, to, n)
}

func settleOp(w *world, t *sched.Task, rng *rand.Rand, x, _ *twin, _ byte) string {
	switch rng.IntN(3) {
	case 0:
		w.check(x.f.Fsync(t) == errno.OK, "fsync")
		return "fsync"
	case 1:
		w.m.DropCaches(t)
		return "drop-caches"
	}
	w.check(w.m.Remount(t) == errno.OK, "remount")
	return "remount"
}

// agrees compares a file with its model, by one of the ways to read it.
func (x *twin) agrees(w *world, t *sched.Task, how int) bool {
	p := make([]byte, len(x.want)+1)
	var n int64
	if how == 0 {
		n, _ = x.f.Load(t, p[:len(x.want)], 0)
	} else {
		n, _ = x.f.Read(t, p, 0, 0)
	}
	ok := bytes.Equal(p[:n], x.want)
	if !ok {
		w.check(false, fmt.Sprintf("%s shows %s, want %s", x.f.Name(), brief(p[:n]), brief(x.want)))
	}
	return ok
}

// One task's random operations on two files leave what they leave in two arrays of bytes.
func TestFilesAgreeWithArraysOfBytes(t *testing.T) {
	t.Parallel()
	for _, c := range []Config{
		{FS: "xfs"}, {FS: "xfs", BlockSize: 1024}, {FS: "xfs", BlockSize: 1024, FolioOrder: 2}, {FS: "xfs", BlockSize: 512, Release: "7.2"},
		{FS: "xfs", Release: "5.10", BlockSize: 1024}, {FS: "xfs", Release: "6.1"},
		{FS: "ext4"}, {FS: "ext4", BlockSize: 1024}, {FS: "ext4", FSOptions: fs.Options{JournalData: true}},
		{FS: "ext4", FSOptions: fs.Options{JournalData: true}, BlockSize: 1024}, {FS: "ext4", FSOptions: fs.Options{InlineData: true}},
		{FS: "gfs2"}, {FS: "gfs2", BlockSize: 1024}, {FS: "gfs2", FSOptions: fs.Options{JournalData: true}},
		{FS: "gfs2", FSOptions: fs.Options{InlineData: true}}, {FS: "gfs2", FSOptions: fs.Options{JournalData: true}, Release: "6.1"},
		{FS: "btrfs"}, {FS: "btrfs", FolioOrder: 1},
	} {
		for seed := range uint64(25) {
			var log []string
			r, wrong, _ := situation(t, c, sched.NewRandom(seed), 1, func(w *world, t *sched.Task) {
				log = modelRun(w, t, rand.New(rand.NewPCG(seed, 11)))
			})
			if r != nil {
				t.Errorf("%s %s %d/%d %+v seed %d: %v\n%q\n%q", c.FS, c.Release, c.BlockSize, c.FolioOrder, c.FSOptions, seed, r, log, wrong)
				break
			}
		}
	}
}

func modelRun(w *world, t *sched.Task, rng *rand.Rand) []string {
	w.dirtyDisk()
	files := [2]*twin{}
	for i, name := range []string{"f", "g"} {
		f, _ := w.m.Create(t, name)
		files[i] = &twin{f: f}
	}
	var log []string
	ops := modelOps()
	for i := range 25 {
		k := rng.IntN(2)
		log = append(log, fmt.Sprint(k, " ", ops[rng.IntN(len(ops))](w, t, rng, files[k], files[1-k], byte('a'+i))))
		if !files[k].agrees(w, t, rng.IntN(2)) || !files[1-k].agrees(w, t, 1) || len(w.wrong) > 0 {
			break
		}
	}
	return log
}
