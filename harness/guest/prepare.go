package guest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/blockdev"
	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/observe"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// mountPoint is where the file system under test stands.
const mountPoint = "/mnt"

// unsupportedError says that this kernel or file system cannot do what the job wants.
type unsupportedError = blockdev.UnsupportedError

// ready is a file system that a program can run on: mounted, and traced.
type ready struct {
	on     wire.Prepare
	trace  *observe.Watch
	spares []*exec.Spare // for the program's tasks
}

// takeReady is what was prepared, which is nobody else's then; nil for nothing.
func (a *agent) takeReady() *ready {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.ready
	a.ready = nil
	return r
}

// prepare makes the file system, mounts it and starts tracing.
func (a *agent) prepare(p wire.Prepare) wire.Prepared {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(p.Limit))
	defer cancel()
	err := a.tryPrepare(ctx, p)
	var unsupported *unsupportedError
	var refused *refusedError
	switch {
	case errors.As(err, &refused):
		return wire.Prepared{Refused: refused.errno}
	case errors.As(err, &unsupported):
		return wire.Prepared{Unsupported: unsupported.Reason}
	case err != nil:
		return wire.Prepared{Error: err.Error()}
	}
	return wire.Prepared{}
}

func (a *agent) tryPrepare(ctx context.Context, p wire.Prepare) error {
	if err := a.setUp(ctx, p); err != nil {
		return err
	}
	a.phase("start tracing")
	trace, err := observe.Start(ctx, "", p.Trace)
	if err != nil {
		return errors.Join(err, unmount())
	}
	spares, err := startSpares(ctx, p.Spares)
	if err != nil {
		return errors.Join(err, trace.Close(), unmount())
	}
	if p.Spares > 0 {
		a.phase("rehearse")
		if err := a.rehearse(ctx, trace); err != nil {
			return errors.Join(err, trace.Close(), unmount())
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ready = &ready{on: p, trace: trace, spares: spares}
	return nil
}

func startSpares(ctx context.Context, n int) ([]*exec.Spare, error) {
	var all []*exec.Spare
	for range n {
		s, err := exec.StartSpare(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// setUp loads the modules, makes the file system and mounts it.
func (a *agent) setUp(ctx context.Context, j wire.Prepare) error {
	a.phase("load modules")
	for _, m := range j.Modules {
		if err := loadModule(m); err != nil && !errors.Is(err, errNoModule) {
			return err
		}
	}
	if !blockdev.Known(j.Type) {
		return &unsupportedError{Reason: fmt.Sprintf("this kernel has no %s: neither built in nor as a module of the image", j.Type)}
	}
	if err := a.device(ctx, j); err != nil {
		return err
	}
	a.phase("make the file system")
	if err := makeFS(ctx, j.Mkfs); err != nil {
		return err
	}
	a.phase("mount")
	// A refusal of what mkfs made, or of the options, is the kernel's: the variant is unsupported there.
	err := mount(j)
	if j.Recover && err != nil {
		return refusal(err)
	}
	if refused := mounting(j).Refused(err); refused != nil {
		return refused
	}
	if err != nil || !j.DAX {
		return err
	}
	if err := checkDAX(j.Device); err != nil {
		return errors.Join(err, unmount())
	}
	return nil
}

// makeFS makes the file system. What no image can do without was there when it was built; the other tools are not in every distribution.
func makeFS(ctx context.Context, command []string) error {
	err := blockdev.Make(ctx, command)
	var missing *blockdev.UnsupportedError
	if errors.As(err, &missing) && missing.Tool != "" {
		missing.Reason = fmt.Sprintf("the guest's image has no %s: no package of it was found when the image was built", missing.Tool)
	}
	return err
}

// mounting is the preparation's mount.
func mounting(j wire.Prepare) blockdev.Mount {
	return blockdev.Mount{Device: j.Device, At: mountPoint, Type: j.Type, Flags: uintptr(j.Flags), Options: j.Options}
}

// mount mounts the device.
func mount(j wire.Prepare) error { return mounting(j).Mount() }

func unmount() error { return unix.Unmount(mountPoint, 0) }
