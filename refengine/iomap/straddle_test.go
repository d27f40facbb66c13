package iomap

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/mm"
)

// Whether the proposed helper write-protects the folio that needs it: for every old size, start of a write, block size and folio order
// in a range. Its arithmetic is right where the folio being written is the one that holds the old end of file. Where it is another
// one, the folio that needs it is not looked at.
func TestFolioMayStraddleIsizeIsRightWithinOneFolioAndMissesTheOthers(t *testing.T) {
	const step = 256
	missed := 0
	for order := 0; order <= 2; order++ {
		size := int64(mm.PageSize) << order
		for bs := int64(512); bs <= size; bs *= 2 {
			for old := int64(0); old < size; old += step {
				for start := old; start < 3*size; start += step {
					needs := NeedsPageMkwrite(old, start, bs, 0, size)
					says := FolioMayStraddleIsize(old, start, bs)
					switch same := start < size; {
					case same && old > 0 && says != needs:
						t.Fatalf("old %d start %d block %d order %d: says %v, needs %v", old, start, bs, order, says, needs)
					case !same && needs:
						missed++
						if !says { // it would be the wrong folio all the same
							t.Fatalf("old %d start %d block %d order %d: does not even ask", old, start, bs, order)
						}
					}
				}
			}
		}
	}
	if missed == 0 {
		t.Error("no write in another folio needed the old one's protection")
	}
	t.Logf("%d writes in another folio than the one that needed write protection", missed)
}

// pagecache_isize_extended is called for every folio that needs it, as far as one page goes: in a large folio it may be one that
// is not the page of the old end of file, but mkclean takes the whole folio.
func TestNeedsPageMkwriteOnlyWhereAWholeBlockIsSkipped(t *testing.T) {
	for _, c := range []struct {
		old, start, bs int64
		want           bool
	}{
		{100, 200, 1024, false}, // the same block
		{100, 1024, 1024, false},
		{100, 1500, 1024, false}, // the next block, which the write allocates
		{100, 2048, 1024, true},
		{1024, 1500, 1024, false},
		{1024, 2048, 1024, true},
		{100, 8192, 4096, false}, // no block of the folio behind the old end's
		{4096, 8192, 1024, false},
	} {
		if got := NeedsPageMkwrite(c.old, c.start, c.bs, 0, mm.PageSize); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
