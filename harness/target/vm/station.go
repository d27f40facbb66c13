package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/iomapcheck/iomapcheck/harness/oops"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
	"github.com/iomapcheck/iomapcheck/vmimage/snapshot"
)

// Station is a state that a shell's command reaches by what it is told first. The first machine that is there is kept as a snapshot, of which every
// further one is a clone. Where there can be no snapshots each machine is brought there.
type Station struct {
	// Key names what the state depends on beside the kernel, the machine, its disks and the command.
	Key string
	// Reach talks to the command until it waits for input again and has nothing more to say by itself. Its error is the shell's. A Read or Write
	// under way when the machine ends fails.
	Reach func(ctx context.Context, command io.ReadWriteCloser) error
}

// stationError is why a machine did not reach its station: something that was found out, which no other machine would escape.
type stationError struct{ err error }

func (e *stationError) Error() string { return e.err.Error() }
func (e *stationError) Unwrap() error { return e.err }

// noisyError is that the kernel complained on the way to a station, of something with which it goes on: a snapshot would hide that, so that there is none.
type noisyError struct{ finding oops.Finding }

func (e *noisyError) Error() string { return "the kernel complained on the way: " + e.finding.Title }

// forShell is a machine for a shell, at its station if it has one.
func (t *Target) forShell(ctx context.Context, want Shell) (*machine, error) {
	if err := t.refuses(want); err != nil {
		return nil, err
	}
	if want.Station != nil && t.snapshots(want.shape()) {
		m, err := t.stationed(ctx, want)
		var noisy *noisyError
		if !errors.As(err, &noisy) && !t.failed(ctx, err) {
			return m, err
		}
	}
	want.Watch("booting " + t.kernel.Release)
	m, err := t.boot(ctx, want.shape())
	if err != nil || want.Station == nil {
		return m, err
	}
	if err := m.bringTo(ctx, want); err != nil {
		m.stop()
		return nil, err
	}
	return m, nil
}

// refuses says what a shell cannot have here.
func (t *Target) refuses(want Shell) error {
	fs, station, files := want.FS.Name() != "", want.Station != nil, len(t.config.Files) > 0
	switch {
	case fs && (station || files):
		return errors.New("a shell with a station, or with files for disks, makes its file systems itself")
	case files && !want.shape().programmable():
		return errors.New("files for disks are parts of the programmable disk, which this kind of device does not have")
	case station && want.Terminal != nil:
		return errors.New("a shell on a terminal has no station")
	}
	return nil
}

// stationed is a running clone of a machine at the station.
func (t *Target) stationed(ctx context.Context, want Shell) (*machine, error) {
	s := want.shape()
	key, err := t.stationKey(want)
	if err != nil {
		return nil, err
	}
	l, err := t.level(ctx, key, level{shape: s, station: true}, func(ctx context.Context, d *snapshot.Draft) error {
		return t.makeStation(ctx, want, d)
	})
	if err != nil {
		return nil, err
	}
	want.Watch("starting from a snapshot of " + t.kernel.Release)
	return t.awake(ctx, l, t.clone)
}

// stationKey names everything that a machine at a station depends on.
func (t *Target) stationKey(want Shell) (string, error) {
	booted, err := t.bootedKey(want.shape())
	if err != nil {
		return "", err
	}
	return cache.Key("station", booted, want.Command, want.Station.Key), nil
}

// makeStation boots a machine, brings it to the station and keeps it.
func (t *Target) makeStation(ctx context.Context, want Shell, d *snapshot.Draft) error {
	want.Watch("booting " + t.kernel.Release)
	m, err := t.bootInDraft(ctx, want.shape(), d)
	if err != nil {
		return err
	}
	defer m.stop()
	if err := m.bringTo(ctx, want); err != nil {
		return err
	}
	if err := m.keep(ctx, d, strings.Join(m.vm.Command, " ")); err != nil {
		return err
	}
	// Only a machine that has ended has said everything on its console.
	m.stop()
	m.log.finish()
	_, found := m.log.since(0, 0)
	for _, f := range found {
		if f.Severity > oops.Info {
			return &noisyError{f}
		}
	}
	return nil
}

// bringTo starts the shell's command on a machine that has just booted and brings it to the station. An error that the command or the kernel is
// the reason of is a *stationError.
func (m *machine) bringTo(ctx context.Context, want Shell) error {
	s := m.newShell(want)
	defer s.end()
	if err := s.start(); err != nil {
		return err
	}
	err := s.reach(ctx)
	var ours *qemu.InfraError
	var crash *CrashError
	switch {
	case errors.As(err, &ours), errors.Is(err, errDeaf):
		return err
	case err != nil:
		return &stationError{err}
	case errors.As(s.crashed(), &crash):
		return &stationError{crash}
	}
	m.atStation = true
	return nil
}

// reach has the station's Reach talk to the command.
func (s *shell) reach(ctx context.Context) error {
	toCommand, in := io.Pipe()
	out, fromCommand := io.Pipe()
	partner := &ends{PipeReader: out, in: in, shell: s}
	reached := make(chan error, 1)
	talk, cancel := context.WithCancel(ctx)
	var talking sync.WaitGroup
	talking.Go(func() {
		err := s.want.Station.Reach(talk, partner)
		if err == nil && partner.closed.Load() {
			err = errors.New("the command's input was closed on the way")
		}
		out.Close() // what the command says from now on is heard by nobody, and does not wait
		reached <- err
	})
	exit, err := s.attendTo(talk, streams{toCommand, fromCommand, s.want.Err}, reached)
	cancel()
	switch {
	case err != nil:
		if explained := s.explain(err); explained != nil {
			err = explained
		} else {
			err = errors.New("the machine was switched off from inside")
		}
	case exit != nil:
		err = fmt.Errorf("the command ended before it was asked to (exit code %d)", exit.Code)
	}
	toCommand.CloseWithError(err)
	fromCommand.CloseWithError(err)
	talking.Wait()
	return err
}

// ends are a command's output and input as its partner has them.
type ends struct {
	*io.PipeReader
	in     *io.PipeWriter
	shell  *shell
	closed atomic.Bool
}

func (e *ends) Write(p []byte) (int, error) {
	e.shell.given.Add(int64(len(p)))
	return e.in.Write(p)
}

func (e *ends) Close() error {
	e.closed.Store(true)
	return errors.Join(e.PipeReader.Close(), e.in.Close())
}
