package vm

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/operate"
)

// timeline gathers the events of a job: the guest's, on the guest's clock, and the disk's, on the host's.
type timeline struct {
	fence int64 // where on the disk fences begin, in bytes; requests there are no events. Set before the first event.

	mu        sync.Mutex
	before    []history.Event // what happened in the machine that this one is a copy of, on the guest's clock
	requests  int64           // that arrived
	recording bool
	fromGuest []history.Event
	arrived   []time.Time // of fromGuest, at the host
	fromDisk  []disk.Event
	weight    int // about what fromGuest takes, in bytes
}

// maxWeight bounds what is kept of a guest that reports without end, in bytes. A program's history has some hundred KiB.
const maxWeight = 64 << 20

// flooded says that the guest has reported more than is kept.
func (t *timeline) flooded() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.weight > maxWeight
}

// follow has the timeline begin with what happened in another machine, and record.
func (t *timeline) follow(before []history.Event, requests int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.before, t.requests, t.recording = before, requests, true
}

// start begins the recording of disk events: what mkfs and mount did is not part of the history.
func (t *timeline) start() { t.record(true) }

func (t *timeline) record(on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.recording = on
}

func (t *timeline) guest(e history.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	const fixed = 256
	if t.weight += fixed + len(e.Text); t.weight > maxWeight {
		return
	}
	t.fromGuest = append(t.fromGuest, e)
	t.arrived = append(t.arrived, time.Now())
}

// disk is called by the disk for every event; an arrival that is answered at once is left out.
func (t *timeline) disk(e disk.Event) {
	if e.Range.Off >= t.fence {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case e.What == disk.Arrived:
		t.requests++
	case t.recording:
		t.fromDisk = append(t.fromDisk, e)
	}
}

// asked is how many requests the disk has got.
func (t *timeline) asked() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.requests
}

// last is the guest's time of its last event.
func (t *timeline) last() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	var last int64
	for _, e := range t.fromGuest {
		last = max(last, e.Time)
	}
	for _, e := range t.before {
		last = max(last, e.Time)
	}
	return last
}

// guess estimates host time minus guest time from the event that took least to arrive.
func (t *timeline) guess(born time.Time) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	var best int64
	for i, e := range t.fromGuest {
		if d := t.arrived[i].Sub(born).Nanoseconds() - e.Time; i == 0 || d < best {
			best = d
		}
	}
	return best
}

// events merges both sources on the guest's clock. The guest's own order is kept where stamps are equal.
func (t *timeline) events(born time.Time, offset int64) []history.Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := append(slices.Clone(t.before), t.fromGuest...)
	for _, e := range t.fromDisk {
		if out, ok := operate.Event(e, e.Time.Sub(born).Nanoseconds()-offset); ok {
			all = append(all, out)
		}
	}
	slices.SortStableFunc(all, func(a, b history.Event) int { return int(min(1, max(-1, a.Time-b.Time))) })
	return all
}

// diagnosisFrames picks the lines of a diagnosis that say where the guest is.
func diagnosisFrames(diagnosis string) []string {
	var out []string
	for line := range strings.Lines(diagnosis) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "RIP") || strings.Contains(line, "+0x") {
			out = append(out, line)
		}
		if len(out) == 12 {
			break
		}
	}
	return out
}
