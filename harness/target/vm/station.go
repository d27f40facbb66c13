package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/iomapcheck/iomapcheck/harness/oops"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
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

// forShell is a machine for a shell, at its station if it has one.
func (t *Target) forShell(ctx context.Context, want Shell) (*machine, error) {
	if want.Station != nil && t.snapshots(want.shape()) {
		m, err := t.stationed(ctx, want)
		if !t.failed(ctx, err) {
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
	_, found := m.log.since(0, 0)
	for _, f := range found {
		if f.Severity > oops.Info {
			return fmt.Errorf("the kernel complained before there was anything to snapshot: %s", f.Title)
		}
	}
	return m.keep(ctx, d, strings.Join(m.vm.Command, " "))
}

// bringTo starts the shell's command on a machine that has just booted and brings it to the station. An error that the command or the kernel is
// the reason of is a *stationError.
func (m *machine) bringTo(ctx context.Context, want Shell) error {
	s := m.newShell(want)
	defer s.end()
	if err := s.mount(ctx); err != nil {
		return &stationError{s.explain(err)}
	}
	if err := s.start(); err != nil {
		return err
	}
	return s.reach(ctx)
}

// reach has the station's Reach talk to the command.
func (s *shell) reach(ctx context.Context) error {
	toCommand, in := io.Pipe()
	out, fromCommand := io.Pipe()
	reached := make(chan error, 1)
	talk, cancel := context.WithCancel(ctx)
	var partner sync.WaitGroup
	partner.Go(func() { reached <- s.want.Station.Reach(talk, ends{out, in}) })
	exit, err := s.attendTo(talk, streams{toCommand, fromCommand, s.want.Err}, reached)
	cancel()
	if err = s.explain(err); err == nil && exit != nil {
		err = fmt.Errorf("the command ended before it was asked to (exit code %d)", exit.Code)
	}
	toCommand.CloseWithError(err)
	fromCommand.CloseWithError(err)
	partner.Wait()
	if err != nil {
		return &stationError{err}
	}
	s.m.atStation = true
	return nil
}

// ends are a command's output and input as its partner has them.
type ends struct {
	*io.PipeReader
	in *io.PipeWriter
}

func (e ends) Write(p []byte) (int, error) { return e.in.Write(p) }

func (e ends) Close() error { return errors.Join(e.PipeReader.Close(), e.in.Close()) }
