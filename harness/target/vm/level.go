package vm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/observe"
	"github.com/iomapcheck/iomapcheck/harness/oops"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/wire"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/snapshot"
)

// level is an open snapshot of a machine:
//
//	booted     the guest has greeted                                 one for each kernel, image and shape
//	prepared   a file system is made and mounted, tracing is on       one for each file system and variant of a booted one, made from it
//	station    a shell's command waits for input                      one for each Station
//
// In all of them the guest waits for a message and none is under way, and no request is at the disk.
type level struct {
	*snapshot.Snapshot
	key   string
	shape shape
	hello wire.Hello
	// image is the disk's contents; nil where nothing was ever written.
	image *disk.Image
	// prepared and station say that this is a level of that name.
	prepared, station bool
	// fs is what a prepared level has mounted, and what one of reviving will mount.
	fs fsys.Spec
	// of is the booted level that one of reviving is, nil for others.
	of *level
	// begun is the program that a machine of the level has begun, nil for the others; such a level has no snapshot. See branch.go.
	begun *beginning
	// booted is the command that booted the machine, for the evidence.
	booted string
}

// What lies beside the memory.
const (
	helloFile   = "hello.json"
	commandFile = "qemu.txt"
	consoleFile = "console.txt"
	diskFile    = "disk"
)

// bootedLevel opens the snapshot of a machine of the shape that has just booted, or makes it.
func (t *Target) bootedLevel(ctx context.Context, s shape, watch func(string)) (*level, error) {
	key, err := t.bootedKey(s)
	if err != nil {
		return nil, err
	}
	return t.level(ctx, key, level{shape: s}, func(ctx context.Context, d *snapshot.Draft) error {
		watch("booting " + t.kernel.Release)
		return t.makeBooted(ctx, s, d)
	})
}

// bootedKey names everything that a booted machine depends on.
func (t *Target) bootedKey(s shape) (string, error) {
	kernel, err := t.kernelSum()
	if err != nil {
		return "", err
	}
	files, err := t.files.sum()
	if err != nil {
		return "", err
	}
	parts := []string{"booted", s.String(), kernel, t.image.Key, fmt.Sprint(t.config.DiskSize), files}
	return cache.Key(append(parts, t.qemuConfig(s, nil, t.diskSize()).Identity()...)...), nil
}

func (t *Target) makeBooted(ctx context.Context, s shape, d *snapshot.Draft) error {
	m, err := t.bootInDraft(ctx, s, d)
	if err != nil {
		return err
	}
	defer m.stop()
	return m.keep(ctx, d, strings.Join(m.vm.Command, " "))
}

// bootInDraft boots a machine that is to be saved.
func (t *Target) bootInDraft(ctx context.Context, s shape, d *snapshot.Draft) (m *machine, err error) {
	size := t.qemuConfig(s, nil, t.diskSize())
	err = t.twice(ctx, func() error {
		memory, err := d.Memory(size.MemorySize())
		if err != nil {
			return err
		}
		m, err = t.bootIn(ctx, s, memory)
		return err
	})
	return m, err
}

// preparedLevel opens the snapshot of a clone of base that has the job's file system mounted, or makes it. Where the preparation
// shows something of the kernel, it is the job's: then the error is a *shownError.
func (t *Target) preparedLevel(ctx context.Context, base *level, job target.Job) (*level, error) {
	key, err := preparedKey(base, job)
	if err != nil {
		return nil, err
	}
	l, err := t.level(ctx, key, level{shape: base.shape, prepared: true, fs: job.FS}, func(ctx context.Context, d *snapshot.Draft) error {
		return t.makePrepared(ctx, base, job, d)
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// preparedKey names everything that a prepared machine depends on beside the booted one.
func preparedKey(base *level, job target.Job) (string, error) {
	r := &run{m: &machine{shape: base.shape}, job: job}
	text, err := json.Marshal(r.lasting())
	if err != nil {
		return "", fmt.Errorf("encode preparation: %w", err)
	}
	return cache.Key("prepared", base.key, string(text), fmt.Sprint("blank ", target.Unwritten())), nil
}

// spares is how many tasks find their process started in a clone: main, what reads every file at the end, and two tasks of the program.
const spares = 4

// lasting is the preparation of a machine that many programs start from.
func (r *run) lasting() *wire.Prepare {
	p := r.preparation(observe.Wanted(prog.Program{}))
	p.Spares = spares
	return p
}

// shownError ends the making of a snapshot whose machine was needed for the job: something came of it that a snapshot would hide.
type shownError struct {
	x   *target.Execution
	err error
}

func (e *shownError) Error() string { return fmt.Sprintf("prepare a file system: %v", e.err) }
func (e *shownError) Unwrap() error { return e.err }

func (t *Target) makePrepared(ctx context.Context, base *level, job target.Job, d *snapshot.Draft) error {
	memory, err := d.MemoryOf(base.Snapshot)
	if err != nil {
		return err
	}
	m, err := t.cloneIn(ctx, base, memory)
	if err != nil {
		return err
	}
	defer func() { m.stop() }()
	if err := m.wake(ctx); err != nil {
		return err
	}
	if shown := m.tryPrepare(ctx, job); shown != nil {
		return shown
	}
	return m.keep(ctx, d, base.booted)
}

// tryPrepare prepares for a job without running it. Refusals, and whatever the kernel complained of, end the attempt; then the job is
// carried on with on this machine as far as that goes.
func (m *machine) tryPrepare(ctx context.Context, job target.Job) *shownError {
	r := m.newRun(job)
	err := r.prepareBlank(ctx, r.lasting())
	_, found := m.log.since(r.text, r.findings)
	complains := slices.ContainsFunc(found, func(f oops.Finding) bool { return f.Severity > oops.Info })
	if err == nil && r.refusal() == "" && !complains {
		r.end()
		return nil
	}
	x, err := r.finish(ctx, err)
	return &shownError{x, err}
}

// keep saves the machine, which stops for good, and what belongs to it.
func (m *machine) keep(ctx context.Context, d *snapshot.Draft, booted string) error {
	ctx, cancel := context.WithTimeout(ctx, m.target.limits().save)
	defer cancel()
	if err := d.Save(ctx, m.vm); err != nil {
		return err
	}
	hello, err := json.Marshal(m.hello)
	if err != nil {
		return fmt.Errorf("encode greeting: %w", err)
	}
	console, _ := m.log.since(0, 0)
	var image bytes.Buffer
	if err := m.target.writeImage(&image, m.disk.Snapshot()); err != nil {
		return err
	}
	return errors.Join(d.Put(helloFile, hello), d.Put(commandFile, []byte(booted)), d.Put(consoleFile, []byte(console)), d.Put(diskFile, image.Bytes()))
}

// level opens a snapshot once for all jobs of the target. l is what is known of it before.
func (t *Target) level(ctx context.Context, key string, l level, build func(context.Context, *snapshot.Draft) error) (*level, error) {
	if open := t.openLevel(key); open != nil {
		return open, nil
	}
	store := snapshot.Store{Cache: t.config.Cache, Report: t.config.Report}
	found, err := store.Get(ctx, key, build)
	if err != nil {
		return nil, err
	}
	l.Snapshot, l.key, l.booted = found, key, string(found.Extra(commandFile))
	if err := l.read(t.files.image); err != nil {
		found.Close()
		return nil, err
	}
	return t.addLevel(&l), nil
}

func (l *level) read(blank *disk.Image) error {
	if err := json.Unmarshal(l.Extra(helloFile), &l.hello); err != nil {
		return fmt.Errorf("read snapshot's greeting: %w", err)
	}
	image, err := readImage(bytes.NewReader(l.Extra(diskFile)), blank)
	if err != nil {
		return fmt.Errorf("read snapshot's disk: %w", err)
	}
	l.image = image
	return nil
}

func (t *Target) openLevel(key string) *level {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.levels[key]
}

// addLevel notes an open level; where another job was faster, its level is the one.
func (t *Target) addLevel(l *level) *level {
	t.mu.Lock()
	defer t.mu.Unlock()
	if other := t.levels[l.key]; other != nil {
		l.Close()
		return other
	}
	t.levels[l.key] = l
	return l
}

// reviving is a booted level as the machine after a power cut is a clone of it: where it is warmed, the file system has been mounted before.
// It lives as long as the booted level does.
func (t *Target) reviving(base *level, fs fsys.Spec) *level {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := base.key + " " + fs.String()
	l := t.revivings[key]
	if l == nil {
		twin := *base
		l = &twin
		l.fs, l.of = fs, base
		t.revivings[key] = l
	}
	return l
}

// dropLevel forgets a level that makes no clones, here and in the cache.
func (t *Target) dropLevel(ctx context.Context, l *level) error {
	if l.of != nil {
		l = l.of
	}
	t.mu.Lock()
	delete(t.levels, l.key)
	maps.DeleteFunc(t.revivings, func(_ string, r *level) bool { return r.of == l })
	t.mu.Unlock()
	l.Close()
	return snapshot.Store{Cache: t.config.Cache}.Drop(ctx, l.key)
}
