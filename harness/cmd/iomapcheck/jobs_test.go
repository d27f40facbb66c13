package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

func TestEveryItemIsDoneOnceAndAtMostSoManyAtATime(t *testing.T) {
	const jobs, items = 3, 20
	var busy atomic.Int32
	var most atomic.Bool
	together := make(chan struct{})
	once := sync.OnceFunc(func() { close(together) })
	var seen []int
	err := sideBySide(t.Context(), jobs, items, func(_ context.Context, i int) int {
		switch now := busy.Add(1); {
		case now == jobs:
			once()
		case now > jobs:
			most.Store(true)
		}
		<-together // nobody goes on before as many as may are at work
		busy.Add(-1)
		return i * i
	}, func(i, square int) error {
		if square != i*i {
			t.Errorf("item %d came with the result %d", i, square)
		}
		seen = append(seen, i)
		return nil
	})
	slices.Sort(seen)
	if err != nil || len(slices.Compact(seen)) != items || most.Load() {
		t.Errorf("done %v, more than %d at a time: %t, error %v", seen, jobs, most.Load(), err)
	}
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
