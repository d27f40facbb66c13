package guest

import (
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// mountPoint is where the file system under test stands.
const mountPoint = "/mnt"

// unsupportedError says that this kernel or file system cannot do what the job wants.
type unsupportedError struct{ reason string }

func (e *unsupportedError) Error() string { return e.reason }

// job makes the file system, runs the program on it, and takes it down again.
func (a *agent) job(j wire.Job) wire.Done {
	var done wire.Done
	err := a.tryJob(j, &done)
	var unsupported *unsupportedError
	var cannot *exec.UnsupportedError
	var hang *exec.HangError
	switch {
	case errors.As(err, &unsupported):
		done.Unsupported = unsupported.reason
	case errors.As(err, &cannot):
		done.Unsupported = cannot.Why
	case errors.As(err, &hang):
		done.Hang, done.Dirty = true, true
	case err != nil:
		done.Error = err.Error()
	}
	if err := sayOnConsole(j.Nonce); err != nil {
		done.Error, done.Dirty = err.Error(), true
	}
	return done
}

// sayOnConsole writes a line to the kernel's log: the host reads the console and the port, and knows by it that it has seen
// what the kernel said before.
func sayOnConsole(line string) error {
	if err := os.WriteFile("/dev/kmsg", []byte("<6>"+line+"\n"), 0); err != nil {
		return fmt.Errorf("write to the kernel's log: %w", err)
	}
	return nil
}

func (a *agent) tryJob(j wire.Job, done *wire.Done) error {
	setup, cancel := context.WithTimeout(context.Background(), time.Duration(j.SetupLimit))
	defer cancel()
	p, err := prog.Parse(j.Program)
	if err != nil {
		return fmt.Errorf("read the program: %w", err)
	}
	if done.Offset, done.ClockError, err = a.clock(setup); err != nil {
		return fmt.Errorf("compare clocks: %w", err)
	}
	if err := a.setUp(setup, j); err != nil {
		return err
	}
	defer func() { done.Dirty = done.Dirty || unmount() != nil }()
	defer a.checkClock(done)
	var fs unix.Statfs_t
	if err := unix.Statfs(mountPoint, &fs); err == nil {
		done.BlockSize = fs.Bsize
	}
	return a.traced(j, p, done)
}

// setUp loads the modules, makes the file system and mounts it.
func (a *agent) setUp(ctx context.Context, j wire.Job) error {
	a.phase("load modules")
	for _, m := range j.Modules {
		if err := loadModule(m); err != nil && !errors.Is(err, errNoModule) {
			return err
		}
	}
	if !knownFS(j.Type) {
		return &unsupportedError{fmt.Sprintf("this kernel has no %s: neither built in nor as a module of the image", j.Type)}
	}
	a.phase("make the file system")
	if len(j.Mkfs) > 0 {
		out, err := osexec.CommandContext(ctx, j.Mkfs[0], j.Mkfs[1:]...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("make the file system: %s: %w: %s", strings.Join(j.Mkfs, " "), err, oneLine(string(out)))
		}
	}
	a.phase("mount")
	// A refusal of what mkfs made, or of the options, is the kernel's: the variant is unsupported there.
	err := mount(j)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) { // ENOSYS: blocks larger than pages
		return &unsupportedError{fmt.Sprintf("this kernel refuses to mount %s with options %q: %v", j.Type, j.Options, err)}
	}
	return err
}

func knownFS(kind string) bool {
	list, err := os.ReadFile("/proc/filesystems")
	return err == nil && strings.Contains("\n"+string(list), "\t"+kind+"\n")
}

// mount mounts the device.
func mount(j wire.Job) error {
	if err := unix.Mount(j.Device, mountPoint, j.Type, uintptr(j.Flags), j.Options); err != nil {
		return fmt.Errorf("mount %s on %s: %w", j.Device, mountPoint, err)
	}
	return nil
}

func unmount() error { return unix.Unmount(mountPoint, 0) }

// runProgram runs the program in the mounted file system.
func (a *agent) runProgram(j wire.Job, p prog.Program, emit func(history.Event)) error {
	memory, err := memoryFor(p)
	if err != nil {
		return err
	}
	defer memory.close()
	a.phase("run")
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(j.RunLimit))
	defer cancel()
	return exec.Run(ctx, p, exec.Env{
		Root: mountPoint, Disk: remoteDisk{a, j.Device}, Emit: emit, Memory: memory.env(), Attr: prog.Attr(j.Attr),
		Remount: func() error {
			// Nothing is mounted after a remount that failed: EINVAL.
			if err := unmount(); err != nil && err != unix.EINVAL {
				// Not wrapped: a file system that is busy is so because of a file of ours.
				return fmt.Errorf("unmount: %v", err)
			}
			return mount(j)
		},
	})
}

// oneLine folds a tool's output into one line, its end kept.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 400 {
		s = "…" + s[len(s)-400:]
	}
	return s
}
