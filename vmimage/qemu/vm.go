// Package qemu runs virtual machines: command lines composed of small device values, a process that cannot outlive its owner, sockets
// without names, a console that is always drained, and a monitor that is always watched.
//
// Who failed is in the type: *BootError is the kernel, *InfraError is us.
package qemu

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/qmp"
)

// VM is a running machine. Its methods may be called from any goroutine.
type VM struct {
	// Control is our end of the virtio-serial port called ControlPort. What is written before the guest opens the port waits. It ends when
	// QEMU does.
	Control net.Conn

	Accel   Accel    // what the machine runs with
	CPUs    int      // likewise
	Command []string // QEMU's command line, for the evidence; descriptor numbers in it are QEMU's

	process *process
	sockets []int // QEMU's numbers of the sockets that it inherited, in their order
	qmp     *qmp.Client
	serial  net.Conn // the console's socket, for what is typed on it; drain reads and closes it
	console tail
	stderr  tail
	events  chan qmp.Event
	done    chan struct{}
	// migration has the states of a save or load, as QEMU names them.
	migration chan string

	mu      sync.Mutex
	stopped bool   // guarded by mu: Stop was called, so the end is no error
	ended   string // guarded by mu: the reason of QEMU's SHUTDOWN event
	state   string // guarded by mu: the run state that made us kill it
	parked  bool   // guarded by mu: Park stopped it, or what it is a copy of, so that state io-error is no end
}

// queuedEvents is how many events may wait while we ask for the run state.
const queuedEvents = 256

// Done is closed when QEMU is gone, reaped, and everything it wrote has been given out.
func (vm *VM) Done() <-chan struct{} { return vm.done }

// ConsoleTail returns the console's last 256 KiB.
func (vm *VM) ConsoleTail() string { return vm.console.String() }

// Pid returns QEMU's process id.
func (vm *VM) Pid() int { return vm.process.handle.Pid }

// QMP executes a monitor command; see qmp.Client.Execute.
func (vm *VM) QMP(ctx context.Context, command string, arguments, result any) error {
	return vm.qmp.Execute(ctx, command, arguments, result)
}

// Err returns nil while the machine runs and after Stop; a *BootError if the guest ended by itself; an *InfraError if QEMU did.
func (vm *VM) Err() error {
	select {
	case <-vm.done:
	default:
		return nil
	}
	vm.mu.Lock()
	defer vm.mu.Unlock()
	switch {
	case vm.state == "guest-panicked":
		return &BootError{Reason: vm.state, Console: vm.console.String()}
	case vm.state != "":
		return &InfraError{Op: "run guest with " + string(vm.Accel), Stderr: vm.stderr.String(), Err: fmt.Errorf("%w: %s", ErrRunState, vm.state)}
	case vm.stopped:
		return nil
	case vm.ended != "":
		return &BootError{Reason: vm.ended, Console: vm.console.String()}
	}
	return &InfraError{Op: "run QEMU", Stderr: vm.stderr.String(), Err: fmt.Errorf("it ended with %v", vm.process.state)}
}

// event is called by the monitor's reader; it must not wait. Losing an event of a flood is harmless: the state is asked for after any.
func (vm *VM) event(event qmp.Event) {
	if event.Name == "SHUTDOWN" {
		vm.noteShutdown(event.Data)
	}
	if event.Name == "MIGRATION" {
		vm.noteMigration(event)
	}
	select {
	case vm.events <- event:
	default:
	}
}

func (vm *VM) noteShutdown(data json.RawMessage) {
	var shutdown struct{ Reason string }
	if err := json.Unmarshal(data, &shutdown); err != nil || shutdown.Reason == "host-signal" {
		return
	}
	vm.mu.Lock()
	defer vm.mu.Unlock()
	vm.ended = shutdown.Reason
}

// watch waits for QEMU's end, and brings it about when the machine stopped for good without QEMU ending.
func (vm *VM) watch(outputs *sync.WaitGroup) {
	vm.checkState()
	for running := true; running; {
		select {
		case event := <-vm.events:
			if event.Name == "STOP" || event.Name == "GUEST_PANICKED" {
				vm.checkState()
			}
		case <-vm.process.exited:
			running = false
		}
	}
	outputs.Wait()
	vm.qmp.Close()
	vm.Control.Close()
	close(vm.done)
}

// stateLimit bounds a question to the monitor, whose thread does nothing that takes long.
const stateLimit = 10 * time.Second

// checkState kills a machine that will never run again. A KVM that opens but cannot run a guest shows as internal-error, and only here:
// QEMU stays and waits for a debugger.
func (vm *VM) checkState() {
	ctx, cancel := context.WithTimeout(context.Background(), stateLimit)
	defer cancel()
	var status struct{ Status string }
	if err := vm.qmp.Execute(ctx, "query-status", nil, &status); err != nil {
		return // QEMU is ending; if it is not, whoever waits for the guest has a limit
	}
	switch status.Status {
	case "io-error":
		if vm.isParked() {
			return
		}
	case "internal-error", "guest-panicked":
	default:
		return
	}
	vm.mu.Lock()
	vm.state = status.Status
	vm.mu.Unlock()
	vm.process.kill()
}

// quitLimit is how long QEMU gets to end by itself. It has nothing to save.
const quitLimit = 2 * time.Second

// Stop ends the machine and waits until it is gone and reaped. It asks QEMU to quit; if that has not happened after two seconds, or when
// ctx ends, it kills it. It may be called any number of times, at any time.
func (vm *VM) Stop(ctx context.Context) {
	vm.mu.Lock()
	vm.stopped = vm.stopped || !vm.isDone()
	vm.mu.Unlock()
	quit, cancel := context.WithTimeout(ctx, quitLimit)
	defer cancel()
	_ = vm.qmp.Execute(quit, "quit", nil, nil) // if it is gone or does not listen, what follows copes
	select {
	case <-vm.done:
		return
	case <-quit.Done():
	}
	vm.process.kill()
	<-vm.done
}

// Kill is Stop without asking QEMU first, for machines whose disks are not in files of the host: nothing is lost, and it is the faster way.
func (vm *VM) Kill() {
	vm.mu.Lock()
	vm.stopped = vm.stopped || !vm.isDone()
	vm.mu.Unlock()
	vm.process.kill()
	<-vm.done
}

func (vm *VM) isDone() bool {
	select {
	case <-vm.process.exited:
		return true
	default:
		return false
	}
}
