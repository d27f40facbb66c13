package ktrace

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Event is one event that the kernel recorded.
type Event struct {
	// Time is CLOCK_MONOTONIC in nanoseconds. The kernel's text has microseconds, rounded to the nearest (ns2usecs in
	// kernel/trace/trace_output.c), so the event happened within Resolution of it, before or after.
	Time int64
	// PID is the thread's number in the first PID namespace; 0 is the idle task.
	PID int
	// Comm is the last name of the thread that the kernel saved, which may be a later one than at the event, or "<...>" when it was
	// forgotten: 128 threads are remembered. PID is what can be relied on.
	Comm string
	CPU  int
	// Name is "group:name"; a bare name is an event that this Tracer did not enable, such as a user's mark.
	Name string
	// Fields is the kernel's text of the rest, such as "dev 254:0 ino 0x83 size 0x20000".
	Fields string
}

// Resolution bounds, in nanoseconds, how far Event.Time is from the moment of the event. The order of events is exact all the same:
// the kernel merges the processors' buffers by its own nanosecond stamps.
const Resolution = 500

// LostError says that the record has holes: an event that it does not show may have happened all the same.
type LostError struct {
	// Overwritten counts events that were lost because the buffer was full. Where the kernel says only that there were some, they
	// count as one.
	Overwritten int64
	// Missed counts hits that the probes did not record, because too many tasks were inside the function or the probe was
	// hit from within a probe. Probes of the same name in another process count too: the kernel's table has no groups.
	Missed int64
}

func (e *LostError) Error() string {
	return fmt.Sprintf("read trace: the kernel lost %d events (raise Config.BufferKiB) and missed %d probe hits", e.Overwritten, e.Missed)
}

// Read returns what was recorded until it was called, oldest first, and takes nothing away; recording goes on meanwhile.
//
// With a *LostError the events are valid but not all. With any other error they are what was understood before it. A closed
// Tracer gives os.ErrClosed.
func (t *Tracer) Read(ctx context.Context) ([]Event, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lock == nil {
		return nil, fmt.Errorf("read trace: %w", os.ErrClosed)
	}
	r, err := t.record(ctx)
	if err != nil {
		return r.events, fmt.Errorf("read trace: %w", err)
	}
	missed, err := t.missed(ctx)
	if err != nil {
		return r.events, fmt.Errorf("read probe misses: %w", err)
	}
	missed -= t.known
	if r.lost > 0 || missed > 0 {
		return r.events, &LostError{Overwritten: r.lost, Missed: missed}
	}
	return r.events, nil
}

// record parses the trace up to this moment. Without that end it might find none: reading the trace can itself be what is traced (a
// probe on ksys_read), and then every piece read adds to what is left.
func (t *Tracer) record(ctx context.Context) (record, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return record{}, fmt.Errorf("read the clock: %w", err)
	}
	f, err := t.in.fs.open(filepath.Join(t.in.dir(), "trace"))
	if err != nil {
		return record{}, err
	}
	defer f.Close()
	return parse(cancelled{ctx, f}, t.groups, now.Nano()+Resolution)
}

// Hits says how often each probe was hit since it was defined, by its name: exactly, whatever its Filter lets through and the buffer has lost.
// Probes of the same name in another process count too, as in LostError.
func (t *Tracer) Hits(ctx context.Context) (map[string]int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lock == nil {
		return nil, fmt.Errorf("count probe hits: %w", os.ErrClosed)
	}
	text, err := readAll(ctx, t.in.fs, filepath.Join(t.in.root, "kprobe_profile"))
	if err != nil {
		return nil, fmt.Errorf("count probe hits: %w", err)
	}
	hits := map[string]int64{}
	err = profile(text, t.probes, func(name string, hit, _ int64) { hits[name] += hit })
	return hits, err
}

// missed adds up the misses of the Tracer's probes.
func (t *Tracer) missed(ctx context.Context) (int64, error) {
	if len(t.probes) == 0 {
		return 0, nil
	}
	text, err := readAll(ctx, t.in.fs, filepath.Join(t.in.root, "kprobe_profile"))
	if err != nil {
		return 0, err
	}
	return profileMisses(text, t.probes)
}

// profileMisses adds up the misses in the text of kprobe_profile.
func profileMisses(text string, probes map[string]bool) (int64, error) {
	var sum int64
	err := profile(text, probes, func(_ string, _, missed int64) { sum += missed })
	return sum, err
}

// profile reads kprobe_profile, whose lines are an event's name, its hits and its misses.
func profile(text string, probes map[string]bool, each func(name string, hits, misses int64)) error {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 3 || !probes[f[0]] {
			continue
		}
		hits, err := strconv.ParseInt(f[1], 10, 64)
		if err != nil {
			return fmt.Errorf("line %q: %w", line, err)
		}
		misses, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil {
			return fmt.Errorf("line %q: %w", line, err)
		}
		each(f[0], hits, misses)
	}
	return nil
}
