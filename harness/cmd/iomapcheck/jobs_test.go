package main

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestEveryItemIsDoneOnceInOrderAndAsManyAtATimeAsMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const jobs, items = 3, 8
		var busy atomic.Int32
		var seen []int
		gate, ended := make(chan struct{}), make(chan error)
		go func() {
			ended <- sideBySide(t.Context(), jobs, items, func(_ context.Context, i int) int {
				busy.Add(1)
				<-gate
				busy.Add(-1)
				return i * i
			}, func(i, square int) error {
				if square != i*i {
					t.Errorf("item %d came with the result %d", i, square)
				}
				seen = append(seen, i)
				return nil
			})
		}()
		for left := items; left > 0; left-- {
			synctest.Wait() // until everybody waits at the gate
			if got := int(busy.Load()); got != min(jobs, left) {
				t.Errorf("%d at work with %d left, want %d", got, left, min(jobs, left))
			}
			gate <- struct{}{}
		}
		err := <-ended
		if want := []int{0, 1, 2, 3, 4, 5, 6, 7}; err != nil || !slices.Equal(seen, want) {
			t.Errorf("done %v, error %v", seen, err)
		}
	})
}

func TestNothingBeginsAfterTheFirstErrorOrTheEndOfTheContext(t *testing.T) {
	enough := errors.New("enough")
	begun := 0
	err := sideBySide(t.Context(), 1, 100, func(context.Context, int) int { begun++; return 0 }, func(int, int) error { return enough })
	if !errors.Is(err, enough) || begun > 3 {
		t.Errorf("%d items begun, error %v", begun, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	begun = 0
	err = sideBySide(ctx, 1, 100, func(context.Context, int) int { begun++; cancel(); return 0 }, func(int, int) error { return nil })
	if err != nil || begun > 2 {
		t.Errorf("%d items begun after the end of the context, error %v", begun, err)
	}
}
