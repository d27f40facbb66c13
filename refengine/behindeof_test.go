package refengine

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// A write further on in the page that the file ends in, after a mapping has stored behind the end: Debian's 6.12.117 shows zeros there
// on all of these, and gfs2 does so only since it clears what is behind the end.
func TestWhatIsStoredBehindTheEndIsZeroedBeforeTheFileGrowsOverIt(t *testing.T) {
	for _, c := range []struct {
		Config
		shows byte
	}{
		{Config{FS: "xfs"}, 0}, {Config{FS: "ext4"}, 0}, {Config{FS: "btrfs"}, 0}, {Config{FS: "gfs2"}, 0},
		{Config{FS: "gfs2", BlockSize: 1024}, 0}, {Config{FS: "gfs2", Release: "6.1"}, 'x'},
	} {
		holds(t, c.Config, func(w *world, t *sched.Task) {
			f, _ := w.m.Create(t, "f")
			f.Write(t, fill('o', 512), 0, 0)
			w.check(f.Fsync(t) == errno.OK, "fsync")
			f.Store(t, fill('x', 512), 1024)
			f.Write(t, fill('n', 512), 2048, 0)
			p := make([]byte, 2560)
			f.Read(t, p, 0, 0)
			w.check(w.is(p[512:1024], 0) && w.is(p[1024:1536], c.shows) && w.is(p[2048:], 'n'), c.FS+" shows "+brief(p))
		})
	}
}

// Blocks that a write to a DAX file gets are zeroed before a mapping can store to them.
func TestNewBlocksOfADAXFileAreZeroedBeforeAnybodySeesThem(t *testing.T) {
	holds(t, onDAX, func(w *world, t *sched.Task) {
		f := w.daxFile(t, "f", 1)
		f.Truncate(t, 4*page)
		storer := t.Go("storer", func(t *sched.Task) { f.Store(t, fill('s', page), 3*page) })
		n, err := writeFrom(t, f, halfGood(t, 'n', page, 3*page), page)
		w.check(n == page && err == errno.OK, "write")
		t.Join(storer)
		w.pageReads(t, f, 3*page, 's', "the store is lost")
	})
}
