package iomap

import (
	"math/rand/v2"
	"testing"
)

// The bitmap agrees with an array of booleans, over word limits too.
func TestBitmapAgreesWithAnArray(t *testing.T) {
	const n = 130
	rng := rand.New(rand.NewPCG(2, 2))
	b, model := make(bitmap, 3), [n]bool{}
	for range 2000 {
		from := rng.IntN(n)
		to := from + rng.IntN(n-from+1)
		if on := rng.IntN(2) == 0; on {
			b.set(from, to)
		} else {
			b.clear(from, to)
		}
		on := b.has(from) && to > from
		for i := from; i < to; i++ {
			model[i] = on
		}
		checkBitmap(t, b, model[:])
	}
}

func checkBitmap(t *testing.T, b bitmap, model []bool) {
	t.Helper()
	count := 0
	for i, want := range model {
		if b.has(i) != want {
			t.Fatalf("bit %d", i)
		}
		if want {
			count++
		}
	}
	if b.count() != count {
		t.Fatalf("count %d, want %d", b.count(), count)
	}
	for at := 0; at < len(model); {
		first, end := b.run(at, len(model))
		for i := at; i < first; i++ {
			if model[i] {
				t.Fatalf("run from %d skips %d", at, i)
			}
		}
		for i := first; i < end; i++ {
			if !model[i] {
				t.Fatalf("run from %d takes in %d", at, i)
			}
		}
		at = end + 1
	}
}
