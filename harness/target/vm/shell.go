package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

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
	// Station is where the command is brought before it gets In; nil for nowhere. It has no terminal.
	Station *Station
	// Terminal gives the shell a terminal of this size; nil for pipes. Resized tells of new sizes; may be nil.
	Terminal *wire.Terminal
	Resized  <-chan wire.Terminal
	// In is read until it ends. A Read under way when the shell ends is left behind.
	In       io.Reader
	Out, Err io.Writer
	// Started is called with a look at the machine once the shell is about to start, or is at its station; may be nil.
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
	// given and sent are how many bytes a station's partner wrote, and how many of them were sent to the guest.
	given, sent atomic.Int64
}

// Shell boots a machine, or takes one that is at the station, runs the shell in it, and returns its exit code. Errors are those of Run, and
// *CrashError.
func (t *Target) Shell(ctx context.Context, want Shell) (int, error) {
	if want.Watch == nil {
		want.Watch = func(string) {}
	}
	m, err := t.forShell(ctx, want)
	if err != nil {
		return 0, err
	}
	defer m.stop()
	s := m.newShell(want)
	defer s.end()
	if !m.atStation {
		if err := s.mount(ctx); err != nil {
			return 0, s.explain(err)
		}
		if err := s.start(); err != nil {
			return 0, s.explain(err)
		}
	}
	if want.Started != nil {
		want.Started(View{m})
	}
	exit, err := s.attendTo(ctx, streams{want.In, want.Out, want.Err}, nil)
	if err != nil {
		return 0, s.explain(err)
	}
	return exit.Code, nil
}

// newShell begins a shell on a machine. The caller ends it with end.
func (m *machine) newShell(want Shell) *shell {
	return &shell{
		run:  m.newRun(target.Job{FS: want.FS, Name: "shell", Watch: want.Watch}),
		want: want, ahead: make(chan struct{}, wire.InputAhead),
	}
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

// start starts the command.
func (s *shell) start() error {
	if err := s.m.conn.Send(wire.ToGuest{Shell: &wire.Shell{Command: s.want.Command, Terminal: s.want.Terminal}}); err != nil {
		return fmt.Errorf("start the shell: %w", err)
	}
	s.want.Watch("")
	return nil
}

// streams are where a command's input comes from and its output goes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// attendTo carries input and output until the command ends, or whoever talks to it is done: then the command has taken all that it was told, and there
// is no exit. done is nil where nobody but the command ends it.
func (s *shell) attendTo(ctx context.Context, with streams, done <-chan error) (*wire.Exit, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go s.sendInput(ctx, with.in)
	crashed := s.m.log.crashed
	if s.want.Stay {
		crashed = nil
	}
	said := false
	var limit <-chan time.Time
	for !said || !s.taken() {
		select {
		case msg, ok := <-s.m.inbox:
			if !ok {
				return nil, fmt.Errorf("%w: %w", errGone, s.m.gone(ctx))
			}
			if exit := s.heard(msg, with); exit != nil && exit.Error != "" {
				return nil, errors.New(exit.Error)
			} else if exit != nil {
				return exit, nil
			}
		case err := <-done:
			if err != nil {
				return nil, err
			}
			said, limit = true, time.After(s.limits.grace)
		case size := <-s.want.Resized:
			_ = s.m.conn.Send(wire.ToGuest{Input: &wire.Input{Resized: &size}}) // a guest that is gone needs none
		case <-crashed:
			s.lastWords(ctx)
			return nil, errCrashed
		case <-limit:
			return nil, fmt.Errorf("%w within %v", errDeaf, s.limits.grace)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return nil, nil
}

// errDeaf ends a shell whose partner is done, with words of his left.
var errDeaf = errors.New("the command did not take what it was told")

// taken says whether the command has taken everything that its partner gave.
func (s *shell) taken() bool { return s.given.Load() == s.sent.Load() && len(s.ahead) == 0 }

// heard handles one message; not nil at the end.
func (s *shell) heard(msg wire.ToHost, with streams) *wire.Exit {
	s.tell()
	switch {
	case msg.Ask != nil:
		s.answer(*msg.Ask)
	case msg.Output != nil && msg.Output.Taken:
		<-s.ahead
	case msg.Output != nil && msg.Output.Err:
		_, _ = with.err.Write(msg.Output.Data) // whoever does not read any more is not interested
	case msg.Output != nil:
		_, _ = with.out.Write(msg.Output.Data)
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

// sendInput sends what it reads to the guest, never further ahead than it allows, and at last that it ends, unless ctx has ended before.
func (s *shell) sendInput(ctx context.Context, in io.Reader) {
	buf := make([]byte, 8<<10)
	for {
		n, err := in.Read(buf)
		if n > 0 {
			select {
			case s.ahead <- struct{}{}:
			case <-ctx.Done():
				return
			}
			if s.m.conn.Send(wire.ToGuest{Input: &wire.Input{Data: buf[:n]}}) != nil {
				return
			}
			s.sent.Add(int64(n))
		}
		if err != nil {
			if ctx.Err() == nil {
				_ = s.m.conn.Send(wire.ToGuest{Input: &wire.Input{End: true}})
			}
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
	crash := s.crashed()
	if crash != nil {
		return crash
	}
	if dead != nil && dead.Reason == "guest-shutdown" {
		return nil
	}
	console, found := s.m.log.since(s.text, s.findings)
	return &CrashError{Findings: found, Console: console}
}

// crashed is a *CrashError where the console has a crash, since the shell's start; else nil.
func (s *shell) crashed() error {
	console, found := s.m.log.since(s.text, s.findings)
	for _, f := range found {
		if f.Severity == oops.Crash {
			return &CrashError{Findings: found, Console: console}
		}
	}
	return nil
}
