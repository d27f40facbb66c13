package disk

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// window is the part of the disk that the property below works on: it straddles the border of two leaves.
var window = Range{leafSize - 3*chunkSize, leafSize + 3*chunkSize}

// version is a table together with what it should contain within the window.
type version struct {
	table contents
	want  []byte
}

func (v *version) check(t *rapid.T) {
	got := make([]byte, window.Len())
	v.table.readAt(got, window.Off)
	if i := firstDifference(got, v.want); i >= 0 {
		t.Fatalf("byte %#x is %#x, want %#x", window.Off+int64(i), got[i], v.want[i])
	}
}

func (v *version) change(t *rapid.T) {
	edge := rapid.OneOf(rapid.Int64Range(0, window.Len()), rapid.Map(rapid.Int64Range(0, 6), func(n int64) int64 { return n * chunkSize }))
	a, b := edge.Draw(t, "edge"), edge.Draw(t, "edge")
	at := Range{min(a, b), max(a, b)}
	data := make([]byte, at.Len())
	if rapid.Bool().Draw(t, "zero") {
		v.table.zeroAt(Range{window.Off + at.Off, window.Off + at.End})
	} else {
		data = fill(rapid.Byte().Draw(t, "byte"), len(data))
		v.table.writeAt(data, window.Off+at.Off)
	}
	copy(v.want[at.Off:], data)
}

func TestTablesThatShareChunksNeverSeeEachOthersChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		versions := []*version{{newContents(2 * leafSize), make([]byte, window.Len())}}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			v := rapid.SampledFrom(versions).Draw(t, "version")
			if rapid.IntRange(0, 4).Draw(t, "step") == 0 {
				versions = append(versions, &version{v.table.share(), slices.Clone(v.want)})
			} else {
				v.change(t)
				v.check(t)
			}
		}
		for _, v := range versions {
			v.check(t)
		}
	})
}

func TestHolesTakeNoMemoryAndWholeChunksThatAreZeroedGiveItBack(t *testing.T) {
	s := serve(t, New(1<<40))
	ok(t, s.write(1<<39, fill('x', 3*chunkSize)))
	s.expect(t, 1<<38, fill(0, chunkSize))
	steps := []struct {
		do   func() error
		want int64
	}{
		{func() error { return nil }, 3 * chunkSize},
		{func() error { return s.trim(1<<39, chunkSize-1) }, 3 * chunkSize},
		{func() error { return s.zero(1<<39, chunkSize) }, 2 * chunkSize},
		{func() error { return s.trim(1<<39-4096, 1<<30) }, 0},
		{func() error { return s.zero(0, 1<<31) }, 0},
	}
	for i, step := range steps {
		ok(t, step.do())
		if got := s.Allocated(); got != step.want {
			t.Fatalf("step %d: %d bytes allocated, want %d", i, got, step.want)
		}
	}
}

func TestTrimmedAndZeroedBytesReadAsZeroes(t *testing.T) {
	s := serve(t, New(1<<20))
	ok(t, s.write(0, fill('x', 3*chunkSize)), s.trim(100, chunkSize), s.zero(2*chunkSize, 100))
	want := fill('x', 3*chunkSize)
	clear(want[100 : 100+chunkSize])
	clear(want[2*chunkSize : 2*chunkSize+100])
	s.expect(t, 0, want)
}

func TestAnImageRestoresTheContentsOfItsMomentOnAnyDisk(t *testing.T) {
	s := serve(t, New(1<<20))
	ok(t, s.write(0, fill('a', 4096)))
	image := s.Snapshot()
	ok(t, s.write(0, fill('b', 4096)))
	other := serve(t, New(1<<20))
	for _, d := range []*served{s, other} {
		ok(t, d.Restore(image))
		d.expect(t, 0, fill('a', 4096))
		ok(t, d.write(0, fill('c', 4096)))
	}
	got := make([]byte, 4096)
	if _, err := image.ReadAt(got, 0); err != nil || !bytes.Equal(got, fill('a', 4096)) {
		t.Fatalf("the image changed: %q…, %v", got[0], err)
	}
	if image.Allocated() != chunkSize || image.Size() != 1<<20 {
		t.Fatalf("image of %d bytes takes %d", image.Size(), image.Allocated())
	}
}

func TestRestoreRefusesWhatCannotBeMeant(t *testing.T) {
	s := serve(t, New(1<<20))
	image := s.Snapshot()
	if err := New(1 << 21).Restore(image); err == nil {
		t.Error("an image of another size was restored")
	}
	s.Hold(Match{Ops: Reads})
	s.readAsync(0, 512)
	mustAwait(t, s.Disk, 1)
	if err := s.Restore(image); err == nil {
		t.Error("an image was restored under a held request")
	}
	s.Close()
	if err := s.Restore(image); !errors.Is(err, ErrClosed) {
		t.Errorf("Restore after Close: %v", err)
	}
}

func TestReadAtAndWriteAtHaveTheMannersOfTheirInterfaces(t *testing.T) {
	d := New(8192)
	if n, err := d.WriteAt(fill('x', 4096), 4096); n != 4096 || err != nil {
		t.Fatalf("WriteAt: %d, %v", n, err)
	}
	for _, bad := range []int64{-1, 4097, 8193, 1 << 62} {
		if n, err := d.WriteAt(fill('y', 4096), bad); n != 0 || err == nil {
			t.Errorf("WriteAt(%d): %d, %v", bad, n, err)
		}
	}
	if _, err := d.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("ReadAt(-1) succeeded")
	}
	all, err := io.ReadAll(io.NewSectionReader(d, 0, 1<<20))
	if err != nil || !bytes.Equal(all, append(fill(0, 4096), fill('x', 4096)...)) {
		t.Errorf("read %d bytes, %v", len(all), err)
	}
}
