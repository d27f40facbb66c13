package guest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// mountPoint is where the file system under test stands.
const mountPoint = "/mnt"

// unsupportedError says that this kernel or file system cannot do what the job wants.
type unsupportedError struct{ reason string }

func (e *unsupportedError) Error() string { return e.reason }

// ready is a file system that a program can run on: mounted, and traced.
type ready struct {
	on     wire.Prepare
	trace  *tracing
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
		return wire.Prepared{Unsupported: unsupported.reason}
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
	trace, err := startTracing(ctx, p.Trace)
	if err != nil {
		return errors.Join(err, unmount())
	}
	spares, err := startSpares(ctx, p.Spares)
	if err != nil {
		return errors.Join(err, trace.close(), unmount())
	}
	if p.Spares > 0 {
		a.phase("rehearse")
		if err := a.rehearse(ctx, trace); err != nil {
			return errors.Join(err, trace.close(), unmount())
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
	if !knownFS(j.Type) {
		return &unsupportedError{fmt.Sprintf("this kernel has no %s: neither built in nor as a module of the image", j.Type)}
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
	// ENOSYS: blocks larger than pages. ESRCH: the kernel lacks the format of the quotas.
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ESRCH) {
		return &unsupportedError{fmt.Sprintf("this kernel refuses to mount %s with options %q: %v", j.Type, j.Options, err)}
	}
	if err != nil || !j.DAX {
		return err
	}
	if err := checkDAX(j.Device); err != nil {
		return errors.Join(err, unmount())
	}
	return nil
}

func knownFS(kind string) bool {
	list, err := os.ReadFile("/proc/filesystems")
	return err == nil && strings.Contains("\n"+string(list), "\t"+kind+"\n")
}

// mount mounts the device.
func mount(j wire.Prepare) error {
	if err := unix.Mount(j.Device, mountPoint, j.Type, uintptr(j.Flags), j.Options); err != nil {
		return fmt.Errorf("mount %s on %s: %w", j.Device, mountPoint, err)
	}
	return nil
}

func unmount() error { return unix.Unmount(mountPoint, 0) }

// oneLine folds a tool's output into one line, its end kept.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 400 {
		s = "…" + s[len(s)-400:]
	}
	return s
}
