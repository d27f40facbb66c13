//go:build linux

package fsys

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlaceCutsExtentsToTheRange(t *testing.T) {
	extents := []extent{
		{logical: 0, physical: 0x10000, length: 0x3000},
		{logical: 0x3000, physical: 0x90000, length: 0x1000, flags: extentUnwritten},
		{logical: 0x4000, physical: 0x20000, length: 0x8000, flags: extentShared | extentLast},
	}
	got, err := place(extents, 0x1000, 0x4000)
	if err != nil {
		t.Fatal(err)
	}
	want := []Range{
		{File: 0x1000, Disk: 0x11000, Len: 0x2000},
		{File: 0x3000, Disk: 0x90000, Len: 0x1000, Unwritten: true},
		{File: 0x4000, Disk: 0x20000, Len: 0x1000, Shared: true},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestPlaceRefusesWhatHasNoPlace(t *testing.T) {
	whole := []extent{{physical: 0x10000, length: 0x1000}}
	with := func(flags uint32) []extent {
		return append(whole[:1:1], extent{logical: 0x1000, physical: 0x20000, length: 0x1000, flags: flags})
	}
	for reason, extents := range map[string][]extent{
		"not allocated":  with(extentDelalloc | extentUnknown),
		"does not say":   with(extentUnknown),
		"inside the ino": with(extentInline | extentNotAlign),
		"packed":         with(extentTail | extentNotAlign),
		"encrypted":      with(extentEncrypted | extentEncoded),
		"compressed":     with(extentEncoded),
		"at a block":     with(extentNotAlign),
		"past the end":   whole,
		"it is a hole":   append(whole[:1:1], extent{logical: 0x1800, physical: 0x20000, length: 0x1000}),
	} {
		t.Run(reason, func(t *testing.T) {
			_, err := place(extents, 0, 0x2000)
			var e *ExtentError
			if !errors.As(err, &e) || !strings.Contains(e.Reason, reason) || e.Off != 0x1000 {
				t.Errorf("%v", err)
			}
		})
	}
	if got, err := place(with(extentUnwritten|extentLast), 0, 0x2000); err != nil || len(got) != 2 {
		t.Errorf("reserved blocks have a place: %v, %v", got, err)
	}
}

// chunkBytes writes a struct btrfs_chunk by the on-disk format, as (device, offset) pairs for the stripes.
func chunkBytes(length, kind uint64, stripes ...[2]uint64) []byte {
	b := make([]byte, 48+32*len(stripes))
	le := binary.LittleEndian
	le.PutUint64(b[0:], length)
	le.PutUint64(b[8:], 2)       // owner: the extent tree
	le.PutUint64(b[16:], 64<<10) // stripe_len
	le.PutUint64(b[24:], kind)   // type
	le.PutUint32(b[32:], 4096)   // io_align
	le.PutUint32(b[36:], 4096)   // io_width
	le.PutUint32(b[40:], 4096)   // sector_size
	le.PutUint16(b[44:], uint16(len(stripes)))
	le.PutUint16(b[46:], 1) // sub_stripes
	for i, s := range stripes {
		le.PutUint64(b[48+32*i:], s[0])
		le.PutUint64(b[56+32*i:], s[1])
		copy(b[64+32*i:], "device's uuid 16")
	}
	return b
}

func TestDecodeSearchReadsChunkItems(t *testing.T) {
	got, err := decodeSearch(searchBytes(2,
		chunkBytes(8*MiB, 1, [2]uint64{1, 13 * MiB}),
		chunkBytes(8*MiB, 1|1<<5, [2]uint64{1, 30 * MiB}, [2]uint64{1, 40 * MiB})))
	if err != nil {
		t.Fatal(err)
	}
	want := []chunk{
		{logical: 64 * MiB, length: 8 * MiB, kind: 1, stripes: []stripe{{1, 13 * MiB}}},
		{logical: 72 * MiB, length: 8 * MiB, kind: 33, stripes: []stripe{{1, 30 * MiB}, {1, 40 * MiB}}},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(chunk{}, stripe{})); d != "" {
		t.Error(d)
	}
}

// searchBytes is what the kernel leaves in struct btrfs_ioctl_search_args: n items said, chunks from 64 MiB on given.
func searchBytes(n uint32, chunks ...[]byte) []byte {
	ne := binary.NativeEndian
	b := make([]byte, 104)
	ne.PutUint32(b[64:], n)
	for i, c := range chunks {
		h := make([]byte, 32)
		ne.PutUint64(h[0:], 7)
		ne.PutUint64(h[8:], 256)
		ne.PutUint64(h[16:], uint64(64+8*i)*MiB)
		ne.PutUint32(h[24:], 228)
		ne.PutUint32(h[28:], uint32(len(c)))
		b = append(append(b, h...), c...)
	}
	return b
}

func TestDecodeSearchRefusesBrokenAnswers(t *testing.T) {
	good := chunkBytes(8*MiB, 1, [2]uint64{1, 13 * MiB})
	for what, b := range map[string][]byte{
		"item missing":     searchBytes(2, good),
		"item cut":         searchBytes(1, good)[:104+32+60],
		"header cut":       searchBytes(1, good)[:104+20],
		"chunk too short":  searchBytes(1, good[:40]),
		"stripe missing":   searchBytes(1, good[:48]),
		"no stripes":       searchBytes(1, chunkBytes(8*MiB, 1)),
		"no length":        searchBytes(1, chunkBytes(0, 1, [2]uint64{1, 0})),
		"length too large": searchBytes(1, chunkBytes(1<<63-1, 1, [2]uint64{1, 0})),
	} {
		if got, err := decodeSearch(b); err == nil {
			t.Errorf("%s: accepted as %+v", what, got)
		}
	}
}

func TestPhysicalTranslatesEveryCopyAndCutsAtChunks(t *testing.T) {
	chunks := []chunk{
		{logical: 64 * MiB, length: 8 * MiB, kind: 1, stripes: []stripe{{1, 13 * MiB}}},
		{logical: 72 * MiB, length: 8 * MiB, kind: 1 | groupDup, stripes: []stripe{{1, 30 * MiB}, {1, 40 * MiB}}},
	}
	got, err := physical([]Range{{File: 4096, Disk: 72*MiB - 8192, Len: 12288, Shared: true}}, chunks)
	if err != nil {
		t.Fatal(err)
	}
	want := []Range{
		{File: 4096, Disk: 21*MiB - 8192, Len: 8192, Shared: true},
		{File: 12288, Disk: 30 * MiB, Len: 4096, Shared: true},
		{File: 12288, Disk: 40 * MiB, Len: 4096, Shared: true},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestPhysicalRefusesWhatItCannotName(t *testing.T) {
	one := chunk{logical: 64 * MiB, length: 8 * MiB, kind: 1, stripes: []stripe{{1, 13 * MiB}}}
	raid0 := one
	raid0.kind = 1 | 1<<3
	second := chunk{logical: 72 * MiB, length: 8 * MiB, kind: 4, stripes: []stripe{{2, 13 * MiB}}}
	for reason, chunks := range map[string][]chunk{
		"striped":  {raid0},
		"several":  {one, second},
		"no chunk": {{logical: 72 * MiB, length: 8 * MiB, kind: 1, stripes: []stripe{{1, 13 * MiB}}}},
	} {
		if got, err := physical([]Range{{Disk: 64 * MiB, Len: 4096}}, chunks); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v, %v", reason, got, err)
		}
	}
}

// FuzzDecodeSearch checks that no answer of the kernel makes the decoder panic or give a chunk without a place.
func FuzzDecodeSearch(f *testing.F) {
	f.Add(searchBytes(2, chunkBytes(8*MiB, 1, [2]uint64{1, 13 * MiB}), chunkBytes(8*MiB, 33, [2]uint64{1, 30 * MiB}, [2]uint64{1, 40 * MiB})))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < searchKeySize {
			t.Skip("the kernel's answer has a fixed size")
		}
		chunks, err := decodeSearch(b)
		for _, c := range chunks {
			if len(c.stripes) == 0 || c.length <= 0 || c.end() < c.logical {
				t.Errorf("impossible chunk %+v (%v)", c, err)
			}
		}
	})
}
