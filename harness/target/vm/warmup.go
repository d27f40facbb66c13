package vm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/oops"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

// everyday does what programs do: every kind of operation that the kernel's code is to be translated for.
const everyday = `write f 0 256k o
fsync f
direct-read f 0 64k
direct-write f 0 64k n
read f 0 64k
load f 0 8k
store f 4k 4k m
fdatasync f
hold writes f 64k 4k
go w: direct-write f 64k 4k w
await held 1
release
join w
aio-write f 128k 64k a as a
reap a
aio-read f 128k 64k as b
reap b
store f 512k 4k s
direct-write f 512k 4k t
fallocate f 512k 64k keep-size
truncate f 100k
read f 64k 64k
evict f 0 64k
write g 0 12k g
drop-caches
direct-read g 0 4k
read g 0 4k vectored
splice-write g 32k 4k p
splice-read g 32k 4k
copy-range g 0 16k h 0
fallocate f 0 64k punch-hole
fallocate f 0 64k keep-size
fallocate f 64k 8k zero-range
direct-write f 3k 512 e dsync
remount
read g 0 12k
`

// uringToo is what a kernel may refuse.
const uringToo = `uring-write i 16k 16k u as u direct
reap u
uring-read i 16k 4k as v
reap v
uring-read i 16k 4k as x direct vectored
reap x
`

// warmUps are the programs for machines of the shape, the first of which the kernel carries out is enough.
func (s shape) warmUps() []string {
	all := []string{uringToo + everyday, everyday}
	if s.programmable() {
		return all
	}
	for i, text := range all {
		all[i] = strings.Join(slices.DeleteFunc(strings.SplitAfter(text, "\n"), func(line string) bool {
			verb, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			return verb == "hold" || verb == "await" || verb == "release"
		}), "")
	}
	return all
}

// warmUp runs a program and freezes the guest, prepared anew for a prepared level, with nothing mounted for one of reviving.
func (m *machine) warmUp(ctx context.Context, l *level) (*qemu.Frozen, error) {
	if err := m.wake(ctx); err != nil {
		return nil, err
	}
	if err := firstTaken(l.shape.warmUps(), func(text string) error { return m.runQuietly(ctx, l, text) }); err != nil {
		return nil, err
	}
	if l.prepared {
		if err := m.prepareAnew(ctx, l); err != nil {
			return nil, err
		}
	}
	frozen, err := m.vm.Freeze(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotFrozen, err)
	}
	return frozen, nil
}

// errNotFrozen says that this host's processes cannot be frozen, whichever level they are of.
var errNotFrozen = errors.New("cannot copy processes")

// errRefused says that the guest did not do what it was asked.
var errRefused = errors.New("refused")

// firstTaken runs the programs up to the first that is not refused.
func firstTaken(programs []string, run func(text string) error) (err error) {
	for _, text := range programs {
		if err = run(text); !errors.Is(err, errRefused) {
			return err
		}
	}
	return err
}

// runQuietly runs a program on the level's file system.
func (m *machine) runQuietly(ctx context.Context, l *level, text string) error {
	if !m.prepared {
		if err := m.prepareAnew(ctx, l); err != nil {
			return err
		}
	}
	program, err := prog.Parse(text)
	if err != nil {
		return err
	}
	return m.quietly(target.Job{FS: l.fs, Program: program, Watch: func(string) {}}, func(r *run) error { return r.program(ctx, r.nonce) })
}

func (m *machine) prepareAnew(ctx context.Context, l *level) error {
	return m.quietly(target.Job{FS: l.fs, Watch: func(string) {}}, func(r *run) error {
		return r.prepareBlank(ctx, r.lasting())
	})
}

// quietly carries out a part of a job, which must show nothing.
func (m *machine) quietly(job target.Job, do func(*run) error) error {
	r := m.newRun(job)
	err := do(r)
	r.end()
	return r.quiet(err)
}

// quiet says what speaks against copies of the machine after what was done with err: what the kernel says once, it would not say in any of them.
func (r *run) quiet(err error) error {
	_, found := r.m.log.since(r.text, r.findings)
	for _, f := range found {
		if f.Severity > oops.Info {
			return fmt.Errorf("the kernel complained: %s", f.Title)
		}
	}
	switch {
	case err != nil:
		return err
	case r.refusal() != "":
		return fmt.Errorf("%w: %s", errRefused, r.refusal())
	case r.done.Hang || r.done.Dirty:
		return errors.New("its program did not end")
	}
	return nil
}
