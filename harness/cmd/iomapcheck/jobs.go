package main

import (
	"context"
	"sync"
)

// sideBySide does the items 0 to n-1, at most jobs of them at a time, and hands the results over in the order of the items, each
// as soon as those before it are there, from the caller's goroutine: two runs print the same lines in the same order. It begins no
// further item once ctx has ended or done has returned an error, and returns, with that error, when all that began have ended.
func sideBySide[R any](ctx context.Context, jobs, n int, do func(context.Context, int) R, done func(int, R) error) error {
	type result struct {
		item  int
		value R
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	items, results := make(chan int), make(chan result)
	var workers sync.WaitGroup
	workers.Go(func() {
		defer close(items)
		for i := range n {
			select {
			case items <- i:
			case <-ctx.Done():
				return
			}
		}
	})
	for range min(jobs, n) {
		workers.Go(func() {
			for i := range items {
				results <- result{i, do(ctx, i)}
			}
		})
	}
	go func() { // ends with the workers, before the loop below does
		workers.Wait()
		close(results)
	}()
	var failed error
	held, next := map[int]R{}, 0 // items begin in order, so none is missing in between, whenever the last one began
	for r := range results {
		held[r.item] = r.value
		for v, there := held[next]; there && failed == nil; v, there = held[next] {
			delete(held, next)
			if failed = done(next, v); failed != nil {
				cancel()
			}
			next++
		}
	}
	return failed
}
