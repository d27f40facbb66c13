package host

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/operate"
)

// timeline gathers the events of a job, all of them on this machine's CLOCK_MONOTONIC; a disk's have Go's reading of it.
type timeline struct {
	born time.Time
	zero int64 // the clock as it was then, in nanoseconds, right within clockError
	// clockError is in nanoseconds.
	clockError int64

	mu        sync.Mutex
	recording bool
	requests  int64 // that the disk got
	all       []history.Event
	closed    bool
}

func newTimeline() *timeline {
	before := exec.Now()
	born := time.Now()
	after := exec.Now()
	return &timeline{born: born, zero: before + (after-before)/2, clockError: (after - before) / 2}
}

func (t *timeline) add(e history.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.all = append(t.all, e)
	}
}

// end adds a last event and is deaf from then on.
func (t *timeline) end(e history.Event) {
	t.add(e)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
}

// goOn ends the deafness.
func (t *timeline) goOn() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = false
}

// record switches the recording of the disk's requests.
func (t *timeline) record(on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.recording = on
}

// disk takes a disk's events, but for those of fences, which lie behind end. The disk calls it.
func (t *timeline) disk(end int64) func(disk.Event) {
	return func(e disk.Event) {
		if e.Range.Off >= end {
			return
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		if e.What == disk.Arrived {
			t.requests++
		}
		if out, ok := operate.Event(e, t.zero+e.Time.Sub(t.born).Nanoseconds()); ok && t.recording && !t.closed {
			t.all = append(t.all, out)
		}
	}
}

// asked is how many requests the disk got.
func (t *timeline) asked() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.requests
}

// events are all, in order of time; those of one time in the order in which they came.
func (t *timeline) events() []history.Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := slices.Clone(t.all)
	slices.SortStableFunc(all, func(a, b history.Event) int { return cmp.Compare(a.Time, b.Time) })
	return all
}
