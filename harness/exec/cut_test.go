package exec

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

const twoLives = `write f 0 4k o
go early: read f 0 4k
join early
cut
go late: write f 4k 4k n
join late
read f 0 8k
`

// live runs one life of twoLives in a folder; the power cut of the first one ends it, as a machine's end would.
func live(t *testing.T, root string, resume int) []history.Event {
	t.Helper()
	p, err := prog.Parse(twoLives)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithTimeout(t.Context(), minute)
	defer end()
	var mu sync.Mutex
	var events []history.Event
	gone := errors.New("the machine is gone")
	ctx, die := context.WithCancelCause(ctx)
	err = Run(ctx, p, Env{
		Root: root, Disk: &plainDisk{}, Resume: resume, Remount: func() error { return nil },
		Cut: func(ctx context.Context, op prog.Op) error {
			die(gone)
			<-ctx.Done()
			return ctx.Err()
		},
		Emit: func(e history.Event) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, e)
		},
	})
	if resume == 0 && err != gone || resume > 0 && err != nil {
		t.Fatalf("life from operation %d ended with %v", resume, err)
	}
	mu.Lock()
	defer mu.Unlock()
	return events
}

// begun lists the operations that an event of a kind is about.
func begun(events []history.Event, kind history.Kind) (ops []int) {
	for _, e := range events {
		if e.Kind == kind {
			ops = append(ops, e.Op)
		}
	}
	return ops
}

func TestAProgramGoesOnBehindItsPowerCut(t *testing.T) {
	root := t.TempDir()
	first, second := live(t, root, 0), live(t, root, 5)
	for _, e := range first {
		if e.Kind == history.Return && e.Op >= 4 || e.Kind == history.Final {
			t.Errorf("the first life goes beyond the cut: %+v", e)
		}
	}
	if got := begun(first, history.Invoke); len(got) == 0 || got[len(got)-1] != 4 {
		t.Errorf("the first life's operations are %v, want the cut, 4, at the end", got)
	}
	if got := begun(second, history.Return); len(got) == 0 || got[0] != 4 {
		t.Errorf("the second life's returns are %v, want the cut, 4, first", got)
	}
	if got := returned(t, second, 8); got != "o:4k,n:4k" {
		t.Errorf("the read behind the cut returned %s: the files were made anew, or the late task did not run", got)
	}
	if len(begun(second, history.Final)) == 0 {
		t.Error("the second life has no final reads")
	}
}

func TestAProgramThatCutsThePowerNeedsSomebodyWhoCan(t *testing.T) {
	_, err := run(t, minute, "fsync f\ncut\n")
	var unsupported *UnsupportedError
	if !errors.As(err, &unsupported) {
		t.Errorf("got %v, want unsupported", err)
	}
}
