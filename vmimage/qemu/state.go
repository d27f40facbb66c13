package qemu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/qmp"
)

// stateFile is what QEMU calls the stream of a machine's state.
const stateFile = "state"

// maxState bounds a state in bytes. It has what is not in the memory's file: registers, devices, firmware; a third of a MiB.
const maxState = 64 << 20

// ignoreShared are the migration capabilities of a snapshot: memory that is in a shared file is not in the stream, and progress is told
// by events.
func ignoreShared() map[string]any {
	return map[string]any{"capabilities": []map[string]any{
		{"capability": "x-ignore-shared", "state": true}, {"capability": "events", "state": true},
	}}
}

// Save stops the machine and returns the state of its processors and devices. Together with its memory's file, which has to be shared, that is
// a snapshot. No request may be held by a disk's server, or Save waits for it until ctx ends. The machine does not run again; the
// caller stops it, after which nobody writes to the file any more.
//
// Some devices cannot be saved (NVMe); then QEMU's refusal is in the error.
func (vm *VM) Save(ctx context.Context) ([]byte, error) {
	state, err := vm.save(ctx)
	if err != nil {
		return nil, &InfraError{Op: "save machine", Stderr: vm.stderr.String(), Err: vm.endedBy(err)}
	}
	return state, nil
}

func (vm *VM) save(ctx context.Context) ([]byte, error) {
	if err := vm.QMP(ctx, "stop", nil, nil); err != nil {
		return nil, err
	}
	if err := vm.QMP(ctx, "migrate-set-capabilities", ignoreShared(), nil); err != nil {
		return nil, err
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer ours.Close()
	if err := vm.give(ctx, theirs); err != nil {
		return nil, err
	}
	stopReading := context.AfterFunc(ctx, func() { ours.Close() })
	defer stopReading()
	if err := vm.QMP(ctx, "migrate", map[string]string{"uri": "fd:" + stateFile}, nil); err != nil {
		return nil, err
	}
	state, err := io.ReadAll(io.LimitReader(ours, maxState))
	if err == nil && len(state) == maxState {
		err = fmt.Errorf("its state is larger than %d MiB: is its memory shared?", maxState>>20)
	}
	return state, errors.Join(err, vm.awaitMigration(ctx))
}

// give hands one end of a pipe to QEMU and closes ours of it.
func (vm *VM) give(ctx context.Context, end *os.File) error {
	defer end.Close()
	return vm.qmp.GiveFile(ctx, stateFile, end)
}

// Load gives a machine that was started as a clone the state that Save returned. It is stopped then, until Resume. If the state does not fit
// the machine QEMU ends, and what it said is in the error.
func (vm *VM) Load(ctx context.Context, state []byte) error {
	if err := vm.load(ctx, state); err != nil {
		return &InfraError{Op: "load machine state", Stderr: vm.stderr.String(), Err: vm.endedBy(err)}
	}
	return nil
}

func (vm *VM) load(ctx context.Context, state []byte) error {
	if err := vm.QMP(ctx, "migrate-set-capabilities", ignoreShared(), nil); err != nil {
		return err
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return err
	}
	if err := vm.give(ctx, theirs); err != nil {
		return errors.Join(err, ours.Close())
	}
	written := make(chan error, 1)
	go func() {
		_, err := ours.Write(state)
		written <- errors.Join(err, ours.Close())
	}()
	if err := vm.QMP(ctx, "migrate-incoming", map[string]string{"uri": "fd:" + stateFile}, nil); err != nil {
		_ = ours.SetWriteDeadline(time.Unix(1, 0))
		return errors.Join(err, <-written)
	}
	if err := vm.awaitMigration(ctx); err != nil {
		_ = ours.SetWriteDeadline(time.Unix(1, 0))
		return errors.Join(err, <-written)
	}
	return <-written
}

// Resume lets a stopped machine run.
func (vm *VM) Resume(ctx context.Context) error {
	if err := vm.QMP(ctx, "cont", nil, nil); err != nil {
		return &InfraError{Op: "resume machine", Stderr: vm.stderr.String(), Err: vm.endedBy(err)}
	}
	return nil
}

// awaitMigration waits for the end of a save or load.
func (vm *VM) awaitMigration(ctx context.Context) error {
	for {
		select {
		case status := <-vm.migration:
			switch status {
			case "completed":
				return nil
			case "failed", "cancelled":
				return vm.migrationError(ctx, status)
			}
		case <-vm.done:
			return errors.New("QEMU ended")
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// migrationError is a save or load that ended with a status, with QEMU's reason. A load that fails ends QEMU, which says why on its standard error.
func (vm *VM) migrationError(ctx context.Context, status string) error {
	var answer struct {
		Reason string `json:"error-desc"`
	}
	switch err := vm.QMP(ctx, "query-migrate", nil, &answer); {
	case errors.Is(err, qmp.ErrClosed):
		return fmt.Errorf("migration %s: %w", status, qmp.ErrClosed)
	case err != nil:
		return fmt.Errorf("migration %s: %w", status, err)
	}
	return fmt.Errorf("migration %s: %s", status, answer.Reason)
}

// noteMigration passes a MIGRATION event on. There are a handful of them in a save or load; what does not fit is not waited for.
func (vm *VM) noteMigration(event qmp.Event) {
	var migration struct{ Status string }
	if json.Unmarshal(event.Data, &migration) != nil {
		return
	}
	select {
	case vm.migration <- migration.Status:
	default:
	}
}

// endedBy waits for QEMU to be gone if err says that its monitor is, so that its last words are there.
func (vm *VM) endedBy(err error) error {
	if errors.Is(err, qmp.ErrClosed) {
		<-vm.done
	}
	return err
}
