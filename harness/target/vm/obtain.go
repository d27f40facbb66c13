package vm

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

// maxSnapshotFailures is after how many failures of ours the target's machines boot instead.
const maxSnapshotFailures = 3

// obtain is a machine for the job: a clone with its file system, or one without any. An error that is a *shownError has what came of the job.
func (t *Target) obtain(ctx context.Context, s shape, job target.Job) (*machine, error) {
	if t.snapshots(s) {
		m, err := t.preparedClone(ctx, s, job)
		if !t.failed(ctx, err) {
			return m, err
		}
	}
	return t.machine(ctx, s, job.Watch)
}

// snapshots says whether machines of the shape are clones.
func (t *Target) snapshots(s shape) bool {
	if t.config.Cold || t.config.Debugger != "" || len(t.config.Further) > 0 || !s.snapshots() {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failures < maxSnapshotFailures
}

// failed says whether err is a failure of ours to make or use a snapshot, for which a boot stands in. It reports and counts those.
func (t *Target) failed(ctx context.Context, err error) bool {
	var shown *shownError
	var dead *qemu.BootError
	var found *stationError
	if err == nil || ctx.Err() != nil || errors.As(err, &shown) || errors.As(err, &dead) || errors.As(err, &found) {
		return false
	}
	t.mu.Lock()
	t.failures++
	n := t.failures
	t.mu.Unlock()
	t.report("no snapshot, booting instead: %v", err)
	if n == maxSnapshotFailures {
		t.report("snapshots failed %d times: every machine boots from here on", n)
	}
	return true
}

// preparedClone is a running clone that has the job's file system mounted.
func (t *Target) preparedClone(ctx context.Context, s shape, job target.Job) (*machine, error) {
	base, err := t.bootedLevel(ctx, s, job.Watch)
	if err != nil {
		return nil, err
	}
	l, err := t.preparedLevel(ctx, base, job)
	if err != nil {
		return nil, err
	}
	if m, err := t.begunCopy(ctx, l, job); !errors.Is(err, errNotBegun) {
		return m, err
	}
	return t.awake(ctx, l, t.pool.take)
}

// survivor is a machine for what a power cut has left of a file system: it has none of its own.
func (t *Target) survivor(ctx context.Context, s shape, fs fsys.Spec, watch func(string)) (*machine, error) {
	if t.snapshots(s) {
		base, err := t.bootedLevel(ctx, s, watch)
		if err == nil {
			var m *machine
			if m, err = t.awake(ctx, t.reviving(base, fs), t.pool.take); err == nil {
				return m, nil
			}
		}
		if !t.failed(ctx, err) {
			return nil, err
		}
	}
	return t.machine(ctx, s, watch)
}

// bootedClone is a running clone of a machine that has just booted.
func (t *Target) bootedClone(ctx context.Context, s shape, watch func(string)) (*machine, error) {
	l, err := t.bootedLevel(ctx, s, watch)
	if err != nil {
		return nil, err
	}
	return t.awake(ctx, l, t.clone)
}

// awake makes a clone and wakes it. A snapshot whose clones fail is not used again, by nobody.
func (t *Target) awake(ctx context.Context, l *level, clone func(context.Context, *level) (*machine, error)) (*machine, error) {
	m, err := clone(ctx, l)
	if err != nil {
		if ctx.Err() == nil {
			err = errors.Join(err, t.dropLevel(ctx, l))
		}
		return nil, err
	}
	if err := m.wake(ctx); err != nil {
		m.stop()
		return nil, err
	}
	return m, nil
}

// sumKernel reads the kernel that is booted.
func (t *Target) sumKernel() (string, error) {
	path := t.kernel.Image
	if t.kernel.Vmlinux != "" && t.binary.Qboot {
		path = t.kernel.Vmlinux
	}
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("name snapshot: %w", err)
	}
	defer file.Close()
	return sumOf(file)
}
