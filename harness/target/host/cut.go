package host

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/kmsg"
	"github.com/iomapcheck/iomapcheck/harness/operate"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// The power of this machine cannot be cut, but that of its disk can:
//
//	first life    program … cut ┐ the disk keeps what it has promised, and refuses everything from then on
//	              tasks are killed, the file system is unmounted (it cannot write), the device detached
//	second life   the disk attached anew ── mount ── rest of the program, final reads
//
// What the kernel complains of between the lives is of our making, and not heard. It is not all that a power cut is: the kernel's memory
// lives on. But nothing of the file system does, once it is unmounted and its device gone.

// errPowerCut ends the first life.
var errPowerCut = errors.New("the power was cut")

// pastLife is what is known of the first life.
type pastLife struct {
	op    int            // the number of the cut
	found []kmsg.Finding // that are ours: the device may have another name in the second
}

// cutter is exec.Env's Cut.
func (s *driveSite) cutter(r *run) func(context.Context, prog.Op) error {
	return func(ctx context.Context, op prog.Op) error {
		if err := r.tell(); err != nil {
			return fmt.Errorf("tell what was traced before the power cut: %w", err)
		}
		_, said := r.log.Read()
		found := r.oursOf(said)
		note, err := operate.Cut(s.d.disk, op, r.job.Program, r.job.Seed)
		if err != nil {
			return err
		}
		note.Time = exec.Now()
		r.timeline.end(note)
		step, _ := r.job.Program.Cut()
		r.past = &pastLife{op: step.N, found: found}
		r.stop(errPowerCut)
		<-ctx.Done()
		return context.Cause(ctx)
	}
}

// revive mounts what the power cut has left and runs the rest of the program.
func (s *driveSite) revive(ctx context.Context, r *run) error {
	if err := s.powerOff(ctx); err != nil {
		return err
	}
	if err := s.d.attachIt(ctx); err != nil {
		return err
	}
	_, _ = r.log.Read()
	r.timeline.goOn()
	if r.watch != nil {
		if err := r.watch.Clear(ctx); err != nil {
			return err
		}
	}
	if err := s.mount.Again(s.d.device.Path); err != nil {
		var errno unix.Errno
		if !errors.As(err, &errno) {
			return err
		}
		r.emit(history.Event{Kind: history.Return, Time: exec.Now(), Task: "main", Op: r.past.op, Errno: unix.ErrnoName(errno)})
		return nil
	}
	s.fill(r)
	r.env.Resume = r.past.op + 1
	return r.live(ctx, r.env)
}

// powerOff gets rid of the file system and of its device.
func (s *driveSite) powerOff(ctx context.Context) error {
	if err := s.unmount(ctx); err != nil {
		return fmt.Errorf("after the power cut: %w", err)
	}
	dev := s.d.device
	s.d.device = nil
	if err := dev.Close(); err != nil {
		return fmt.Errorf("after the power cut: %w", err)
	}
	return nil
}
