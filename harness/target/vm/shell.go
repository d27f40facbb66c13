package vm

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/oops"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/wire"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

// Shell is a command, or an interactive shell, in a guest of its own. The target must have been opened with Config.Shell.
type Shell struct {
	// FS is made, and mounted on /mnt, first; the zero Spec for none.
	FS fsys.Spec
	// Device is what the machine has for disks where there is no FS; the zero Device is a plain one.
	Device fsys.Device
	// Stay has the shell go on after the kernel has crashed, as far as it can: a WARN ends nothing.
	Stay bool
	// Command is a line for sh -c; empty for a shell that reads from In.
	Command string
	// Terminal gives the shell a terminal of this size; nil for pipes. Resized tells of new sizes; may be nil.
	Terminal *wire.Terminal
	Resized  <-chan wire.Terminal
	// In is read until it ends. A Read under way when the shell ends is left behind.
	In       io.Reader
	Out, Err io.Writer
	// Started is called with a look at the machine once the shell is about to start; may be nil.
	Started func(View)
	// Watch is told what takes time, Found what the kernel complains of on its console; both may be nil.
	Watch func(doing string)
	Found func(oops.Finding)
}

// CrashError says that the kernel under a shell did not go on.
type CrashError struct {
	Findings []oops.Finding
	Console  string // from the shell's start on
}

// Error names the first finding that is a crash, else says that the machine ended.
func (e *CrashError) Error() string {
	for _, f := range e.Findings {
		if f.Severity == oops.Crash {
			return "the kernel crashed: " + f.String()
		}
	}
	return "the machine ended by itself"
}

// shell is a Shell under way.
type shell struct {
	*run
	want Shell
	// ahead has a token for each message of input that the guest has not taken.
	ahead chan struct{}
	told  int // how many of the console's findings Found was told of
}

// Shell boots a machine, runs the shell in it, and returns its exit code. Errors are those of Run, and *CrashError.
func (t *Target) Shell(ctx context.Context, want Shell) (code int, err error) {
	if want.Watch == nil {
		want.Watch = func(string) {}
	}
	want.Watch("booting " + t.kernel.Release)
	m, err := t.boot(ctx, want.shape())
	if err != nil {
		return 0, err
	}
	defer m.stop()
	s := &shell{
		run:  m.newRun(target.Job{FS: want.FS, Name: "shell", Watch: want.Watch}),
		want: want, ahead: make(chan struct{}, wire.InputAhead),
	}
	defer s.end()
	if err := s.mount(ctx); err != nil {
		return 0, s.explain(err)
	}
	code, err = s.converse(ctx)
	return code, s.explain(err)
}

// shape is the machine's.
func (w Shell) shape() shape {
	if w.FS.Name() == "" {
		return shape{w.Device}
	}
	return shapeOf(w.FS)
}

// mount makes and mounts the file system, if one is wanted.
func (s *shell) mount(ctx context.Context) error {
	if s.want.FS.Name() == "" {
		return nil
	}
	err := s.prepare(ctx)
	switch {
	case err != nil:
		return err
	case s.done.Unsupported != "":
		return target.Unsupported("%s", s.done.Unsupported)
	case s.done.Error != "":
		return errors.New(s.done.Error)
	}
	return nil
}

// converse starts the shell and carries input and output until it ends.
func (s *shell) converse(ctx context.Context) (int, error) {
	if err := s.m.conn.Send(wire.ToGuest{Shell: &wire.Shell{Command: s.want.Command, Terminal: s.want.Terminal}}); err != nil {
		return 0, fmt.Errorf("start the shell: %w", err)
	}
	s.want.Watch("")
	if s.want.Started != nil {
		s.want.Started(View{s.m})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go s.sendInput(ctx)
	crashed := s.m.log.crashed
	if s.want.Stay {
		crashed = nil
	}
	for {
		select {
		case msg, ok := <-s.m.inbox:
			if !ok {
				return 0, fmt.Errorf("%w: %w", errGone, s.m.gone(ctx))
			}
			if exit := s.heard(msg); exit != nil && exit.Error != "" {
				return 0, errors.New(exit.Error)
			} else if exit != nil {
				return exit.Code, nil
			}
		case size := <-s.want.Resized:
			_ = s.m.conn.Send(wire.ToGuest{Input: &wire.Input{Resized: &size}}) // a guest that is gone needs none
		case <-crashed:
			s.lastWords(ctx)
			return 0, errCrashed
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// heard handles one message; not nil at the end.
func (s *shell) heard(msg wire.ToHost) *wire.Exit {
	s.tell()
	switch {
	case msg.Ask != nil:
		s.answer(*msg.Ask)
	case msg.Output != nil && msg.Output.Taken:
		<-s.ahead
	case msg.Output != nil && msg.Output.Err:
		_, _ = s.want.Err.Write(msg.Output.Data) // whoever does not read any more is not interested
	case msg.Output != nil:
		_, _ = s.want.Out.Write(msg.Output.Data)
	}
	return msg.Exit
}

// answer carries out an operation on the disk. It knows no files: that a range of a file is meant follows, for a program, from what it
// writes there.
func (s *shell) answer(ask wire.Ask) {
	if p, err := prog.Parse(ask.Op); err == nil && len(p.Ops) == 1 && p.Ops[0].File != "" {
		s.control.reply(wire.Answer{ID: ask.ID, Error: fmt.Sprintf("%q: in a shell the disk knows no files; leave out the range", ask.Op)})
		return
	}
	s.control.answer(ask)
}

// tell reports what is new among the console's findings.
func (s *shell) tell() {
	_, found := s.m.log.since(s.text, s.findings)
	for ; s.told < len(found); s.told++ {
		if s.want.Found != nil {
			s.want.Found(found[s.told])
		}
	}
}

// sendInput sends In to the guest, never further ahead than it allows.
func (s *shell) sendInput(ctx context.Context) {
	buf := make([]byte, 8<<10)
	for {
		n, err := s.want.In.Read(buf)
		if n > 0 {
			select {
			case s.ahead <- struct{}{}:
			case <-ctx.Done():
				return
			}
			if s.m.conn.Send(wire.ToGuest{Input: &wire.Input{Data: buf[:n]}}) != nil {
				return
			}
		}
		if err != nil {
			_ = s.m.conn.Send(wire.ToGuest{Input: &wire.Input{End: true}})
			return
		}
	}
}

// explain makes a *CrashError of an end that was the kernel's. A machine that was switched off from inside has ended well.
func (s *shell) explain(err error) error {
	var dead *qemu.BootError
	if !errors.Is(err, errCrashed) && !errors.As(err, &dead) {
		return err
	}
	s.m.log.finish()
	s.tell()
	console, found := s.m.log.since(s.text, s.findings)
	crash := &CrashError{Findings: found, Console: console}
	for _, f := range found {
		if f.Severity == oops.Crash {
			return crash
		}
	}
	if dead != nil && dead.Reason == "guest-shutdown" {
		return nil
	}
	return crash
}
