package guest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/blockdev"
	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/observe"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// job runs the program on the file system that was prepared, and takes that down again.
func (a *agent) job(j wire.Job) wire.Done {
	var done wire.Done
	err := a.tryJob(j, &done)
	var unsupported *unsupportedError
	var cannot *exec.UnsupportedError
	var hang *exec.HangError
	switch {
	case errors.As(err, &unsupported):
		done.Unsupported = unsupported.Reason
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

// sayClock tells our clock on the console, several times: the host goes by the line that took the least time from the clock to the log.
func sayClock() error {
	const times = 4
	for range times {
		if err := sayOnConsole(fmt.Sprint(wire.ClockLine, exec.Now())); err != nil {
			return err
		}
	}
	return nil
}

func (a *agent) tryJob(j wire.Job, done *wire.Done) error {
	setup, cancel := context.WithTimeout(context.Background(), time.Duration(j.SetupLimit))
	defer cancel()
	ready := a.takeReady()
	if ready == nil {
		return errors.New("run a program: no file system is prepared")
	}
	defer func() { done.Dirty = done.Dirty || unmount() != nil }()
	p, err := prog.Parse(j.Program)
	if err != nil {
		return errors.Join(fmt.Errorf("read the program: %w", err), ready.trace.Close())
	}
	if done.Offset, done.ClockError, err = a.clock(setup); err != nil {
		return errors.Join(fmt.Errorf("compare clocks: %w", err), ready.trace.Close())
	}
	if err := sayClock(); err != nil {
		return errors.Join(err, ready.trace.Close())
	}
	defer a.checkClock(done)
	var fs unix.Statfs_t
	if err := unix.Statfs(mountPoint, &fs); err == nil {
		done.BlockSize = fs.Bsize
	}
	return a.traced(setup, ready, j, p, done)
}

// runProgram runs the program in the mounted file system.
func (a *agent) runProgram(r *ready, j wire.Job, p prog.Program, emit func(history.Event), t turns) error {
	memory, err := exec.LimitedMemory(p, "tasks")
	if err != nil {
		return err
	}
	defer func() {
		if err := memory.Close(); err != nil { // a task hangs, and the guest is not used again
			fmt.Fprintln(os.Stderr, "iomapcheck guest:", err)
		}
	}()
	on, root := r.on, mountPoint
	if on.Folder != "" {
		if root, err = linkFiles(on.Folder, p); err != nil {
			return err
		}
	}
	a.phase("run")
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(j.RunLimit))
	defer cancel()
	var heard atomic.Int64
	go blockdev.Nudge(ctx, on.Device, &heard)
	return exec.Run(ctx, p, exec.Env{
		Root: root, Fixed: on.Zones != nil, Disk: remoteDisk{a, on.Device}, Memory: memory.Env(), Attr: prog.Attr(on.Attr),
		Emit: func(e history.Event) {
			heard.Add(1)
			emit(e)
		},
		Cut: t.cut, Resume: j.Resume, Branch: t.branch, BranchAt: j.BranchAt, Spares: r.spares,
		Remount: func() error { return mounting(on).Remount() },
	})
}

// traced runs the program with its events traced, and sends what fired afterwards, also after a hang.
func (a *agent) traced(setup context.Context, r *ready, j wire.Job, p prog.Program, done *wire.Done) error {
	if err := r.trace.Extend(setup, j.Trace); err != nil {
		return errors.Join(err, r.trace.Close())
	}
	done.Missing = r.trace.Missing()
	tasks := observe.NewTasks(a.emit)
	// The tracer of a guest's last job ends with the guest: on a slow machine it takes long to remove probes.
	tell := func() error {
		err := r.trace.Report(tasks)
		if j.Last {
			return err
		}
		return errors.Join(err, r.trace.Close())
	}
	err := a.runProgram(r, j, p, tasks.Take, turns{
		cut:    func(ctx context.Context, op prog.Op) error { return a.cutPower(ctx, op, j.Nonce, done, tell) },
		branch: func(ctx context.Context) (prog.Program, error) { return a.branch(ctx, done) },
	})
	return errors.Join(err, tell())
}
