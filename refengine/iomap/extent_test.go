package iomap

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// The map agrees with an array of blocks under random changes, stays sorted, merged and without overlap.
func TestExtentMapAgreesWithAnArrayOfBlocks(t *testing.T) {
	const blocks, bs = 32, 4096
	rng := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		var m ExtentMap
		var model [blocks]Extent
		for range 40 {
			off := rng.Int64N(blocks)
			n := 1 + rng.Int64N(blocks-off)
			e := Extent{Off: off * bs, Len: n * bs, Type: Type(rng.IntN(4))}
			if e.Type.Allocated() {
				e.Addr = rng.Int64N(4) * blocks * bs
			}
			m.Set(e)
			for i := off; i < off+n; i++ {
				model[i] = e.clip(i*bs, (i+1)*bs)
			}
			if rng.IntN(4) == 0 {
				m.Convert(off*bs, (off+n)*bs)
				for i := off; i < off+n; i++ {
					if model[i].Type == Unwritten {
						model[i].Type = Mapped
					}
				}
			}
			checkMap(t, &m, model[:], bs)
		}
	}
}

func checkMap(t *testing.T, m *ExtentMap, model []Extent, bs int64) {
	t.Helper()
	for i := range model {
		got := m.Lookup(int64(i)*bs, int64(i+1)*bs)
		if want := model[i]; got.Type != want.Type || (got.Type.Allocated() && got.Addr != want.Addr) {
			t.Fatalf("block %d: %v, want %v in %v", i, got, want, m.list)
		}
	}
	for i := 1; i < len(m.list); i++ {
		a, b := m.list[i-1], m.list[i]
		if a.End() > b.Off {
			t.Fatalf("overlap: %v", m.list)
		}
		if a.End() == b.Off && a.Type == b.Type && (!a.Type.Allocated() || a.Addr+a.Len == b.Addr) {
			t.Fatalf("not merged: %v", m.list)
		}
	}
}

func TestSetReturnsWhatWasThere(t *testing.T) {
	var m ExtentMap
	m.Set(Extent{Off: 0, Len: 8, Type: Mapped, Addr: 100})
	m.Set(Extent{Off: 12, Len: 4, Type: Delalloc})
	old := m.Set(Extent{Off: 4, Len: 10, Type: Hole})
	want := "[{4 4 MAPPED 104} {12 2 DELALLOC 0}]"
	if got := fmt.Sprint(old); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := fmt.Sprint(m.All(0, 100)); got != "[{0 4 MAPPED 100} {14 2 DELALLOC 0}]" {
		t.Error(got)
	}
}

func TestHoleEndsWhereTheNextExtentBegins(t *testing.T) {
	var m ExtentMap
	m.Set(Extent{Off: 8, Len: 8, Type: Mapped, Addr: 100})
	for _, c := range []struct {
		off, end int64
		want     string
	}{
		{0, 100, "{0 8 HOLE 0}"}, {0, 4, "{0 4 HOLE 0}"}, {10, 12, "{10 2 MAPPED 102}"}, {16, 20, "{16 4 HOLE 0}"},
	} {
		if got := fmt.Sprint(m.Lookup(c.off, c.end)); got != c.want {
			t.Errorf("[%d, %d): %s, want %s", c.off, c.end, got, c.want)
		}
	}
}
