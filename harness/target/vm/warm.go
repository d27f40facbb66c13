package vm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

// Most of what a clone takes for its job under TCG is that QEMU translates the guest's code: some 50,000 blocks, 20 µs each, and all
// anew in every clone. A level of which many clones are wanted is therefore warmed: one clone runs a program that does what programs do, its file
// system is made and mounted anew, and then its process is frozen, of which every further machine is a copy (vmimage/fork).

// warmed is a level's frozen machine.
type warmed struct {
	m      *machine
	frozen *qemu.Frozen
	image  *disk.Image
	// midway is what its copies go on from, where it was stopped in a program; nil for others.
	midway *midway

	users int       // copies that run, and end with it; guarded by warmth.mu
	last  time.Time // when one was made; guarded by warmth.mu
}

// warmth is what a target has warmed.
type warmth struct {
	mu     sync.Mutex
	levels map[*level]*warmed       // nil where it is being made, or cannot be
	uses   map[*level]int           // clones made without it
	making map[*level]chan struct{} // closed once the level is warmed, or cannot be
	failed error                    // why nothing is warmed any more
}

func newWarmth() warmth {
	return warmth{levels: map[*level]*warmed{}, uses: map[*level]int{}, making: map[*level]chan struct{}{}}
}

const (
	// worthwhile and worthwhileBegun are how many clones of a level make it probable that many more are wanted: to warm one takes as long as some ten jobs.
	worthwhile, worthwhileBegun = 3, 2
	// idleWarm is how long a warmed machine has to be unused before another takes its place.
	idleWarm = 30 * time.Second
	// warmedMiB is the memory that a warmed machine and its copies take, generously.
	warmedMiB = 1024
)

// fresh is a machine in a level's state: a copy of a warmed one, or a clone.
func (t *Target) fresh(ctx context.Context, l *level) (*machine, error) {
	w, made := t.warmedOf(l)
	if w == nil && made != nil {
		// To wait takes less than to do by itself what is being done, on the same processors.
		select {
		case <-made:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		w, _ = t.warmedOf(l)
	}
	if w != nil {
		m, err := t.copyOf(l, w)
		if err == nil {
			return m, nil
		}
		t.cool(err)
	}
	if l.begun != nil {
		return nil, errNotBegun
	}
	return t.clone(ctx, l)
}

// warmable says whether the level can be warmed at all.
func (t *Target) warmable(l *level) bool {
	return t.choice.Accel == qemu.TCG && !t.config.Clones && (l.prepared || l.of != nil || l.begun != nil)
}

// warmedOf is the level's warmed machine, with one user more; nil if there is none. It may begin to make one; then made is closed when that has
// ended, well or not.
func (t *Target) warmedOf(l *level) (w *warmed, made <-chan struct{}) {
	if !t.warmable(l) {
		return nil, nil
	}
	t.warm.mu.Lock()
	defer t.warm.mu.Unlock()
	w, known := t.warm.levels[l]
	switch {
	case t.warm.failed != nil:
		return nil, nil
	case w != nil:
		w.users++
		w.last = time.Now()
		return w, nil
	case known:
		return nil, t.warm.making[l]
	}
	t.warm.uses[l]++
	if t.warm.uses[l] >= l.worthwhile() && t.makeRoomLocked() {
		t.warm.levels[l] = nil
		done := make(chan struct{})
		t.warm.making[l] = done
		t.pool.owned.Go(func() {
			defer close(done)
			t.warmLevel(t.pool.ctx, l)
		})
		return nil, done
	}
	return nil, nil
}

// makeRoomLocked says whether there is memory for another warmed machine, for which one that is not used may have to go. t.warm.mu must be held.
func (t *Target) makeRoomLocked() bool {
	var oldest *level
	n := 0
	for l, w := range t.warm.levels {
		if w == nil {
			continue
		}
		n++
		if w.users == 0 && time.Since(w.last) > idleWarm && (oldest == nil || w.last.Before(t.warm.levels[oldest].last)) {
			oldest = l
		}
	}
	available := availableMiB()
	if available > 2*warmedMiB || n == 0 && available > warmedMiB {
		return true
	}
	if oldest == nil {
		return false
	}
	t.pool.owned.Go(t.warm.levels[oldest].end)
	delete(t.warm.levels, oldest)
	t.warm.uses[oldest] = 0
	return true
}

// Fitting is how many machines there is memory for, at least one.
func Fitting() int { return max(1, availableMiB()/(2*warmedMiB)) }

// availableMiB is the memory that the host can give without swapping; 0 if it does not say.
func availableMiB() int {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		var kib int
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kib); n == 1 {
			return kib >> 10
		}
	}
	return 0
}

// worthwhile is after how many uses the level is warmed.
func (l *level) worthwhile() int {
	if l.begun != nil {
		return worthwhileBegun
	}
	return worthwhile
}

// warmLevel warms a level. What goes wrong is reported, and the level's machines stay clones.
func (t *Target) warmLevel(ctx context.Context, l *level) {
	w, err := t.makeWarmed(ctx, l)
	switch {
	case errors.Is(err, errNotFrozen):
		t.cool(err)
		return
	case err != nil && l.begun != nil:
		if ctx.Err() == nil {
			t.report("a program's beginning is not shared: %v", err)
		}
		return
	case err != nil:
		if ctx.Err() == nil {
			t.report("machines with %s are clones, which is slower than copies: %v", l.fs, err)
		}
		return
	}
	t.warm.mu.Lock()
	defer t.warm.mu.Unlock()
	t.warm.levels[l] = w
}

// cool has no machine warmed any more.
func (t *Target) cool(err error) {
	t.warm.mu.Lock()
	first := t.warm.failed == nil
	t.warm.failed = err
	t.warm.mu.Unlock()
	if first && t.pool.ctx.Err() == nil {
		t.report("machines are clones, which is slower than copies: %v", err)
	}
}

func (t *Target) makeWarmed(ctx context.Context, l *level) (*warmed, error) {
	if l.begun != nil {
		return t.makeBegun(ctx, l)
	}
	m, err := t.clone(ctx, l)
	if err != nil {
		return nil, err
	}
	m.kept = true
	frozen, err := m.warmUp(ctx, l)
	if err != nil {
		m.stop()
		return nil, fmt.Errorf("warm a machine: %w", err)
	}
	return &warmed{m: m, frozen: frozen, image: m.disk.Snapshot(), last: time.Now()}, nil
}

// copyOf makes a copy, of which the caller is a user.
func (t *Target) copyOf(l *level, w *warmed) (*machine, error) {
	m, socket, err := t.around(l.shape, (*disk.Disk).Resume)
	switch {
	case err != nil:
	case w.midway != nil:
		err = m.disk.Unshelve(w.midway.disk)
	default:
		err = m.disk.Restore(w.image)
	}
	if err != nil {
		t.warm.leave(w)
		return nil, fmt.Errorf("copy a machine: %w", err)
	}
	vm, err := w.frozen.Fork([]*os.File{socket}, m.log, m.log.line)
	if m, err = m.with(vm, err); err != nil {
		t.warm.leave(w)
		return nil, fmt.Errorf("copy a machine: %w", err)
	}
	m.of, m.hello, m.prepared, m.warmed, m.midway = l, l.hello, l.prepared, true, w.midway
	m.release = func() { t.warm.leave(w) }
	return m, nil
}

// leave ends one use.
func (t *warmth) leave(w *warmed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w.users--
}

// end ends a warmed machine, which nobody may use.
func (w *warmed) end() {
	w.frozen.Kill()
	w.m.stop()
}

// close ends every warmed machine. Copies that still run end with them.
func (t *warmth) close() {
	for _, w := range t.takeAll() {
		w.end()
	}
}

// takeAll leaves no machine warmed.
func (t *warmth) takeAll() []*warmed {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []*warmed
	for l, w := range t.levels {
		if w != nil {
			all = append(all, w)
		}
		delete(t.levels, l)
	}
	return all
}
