package qemu

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/iomapcheck/iomapcheck/vmimage/fork"
	"github.com/iomapcheck/iomapcheck/vmimage/qmp"
)

// Frozen is a machine that was stopped for good, of which copies can be made: machines in the state in which it was, with the code that QEMU has
// translated. It is for TCG: a copy is at its first result several times sooner than a clone. Its methods may be called from any goroutine.
type Frozen struct {
	vm     *VM
	origin *fork.Origin
}

// Freeze stops the machine for good. No request of it may be under way (see Park). Where its process cannot be copied it is stopped all the same, and the
// error says why; the caller kills it then.
func (vm *VM) Freeze(ctx context.Context) (*Frozen, error) {
	if vm.Accel != TCG {
		return nil, &InfraError{Op: "freeze machine", Err: fmt.Errorf("it runs with %s, whose state is not in the process", vm.Accel)}
	}
	if err := vm.QMP(ctx, "stop", nil, nil); err != nil {
		return nil, &InfraError{Op: "freeze machine", Err: vm.endedBy(err)}
	}
	origin, err := fork.Freeze(vm.Pid(), append([]int{stdout, stderr}, vm.sockets...))
	if err != nil {
		return nil, &InfraError{Op: "freeze machine", Err: err}
	}
	return &Frozen{vm, origin}, nil
}

// Numbers of the standard descriptors.
const (
	stdout = 1
	stderr = 2
)

// Fork makes a copy, which is stopped until Resume. sockets are what stands in for the sockets of the machine's devices, in their order; they are
// closed, whatever happens. Clients on them find themselves where those of the original were.
//
// A copy that shares the original's fate: it is killed when the original is.
func (f *Frozen) Fork(sockets []*os.File, console io.Writer, onLine func(string)) (*VM, error) {
	p := &parts{}
	p.fds.files = sockets
	defer p.closeTheirs()
	vm, err := f.fork(p, console, onLine)
	if err != nil {
		p.closeOurs()
		return nil, &InfraError{Op: "fork machine", Err: err}
	}
	return vm, nil
}

func (f *Frozen) fork(p *parts, console io.Writer, onLine func(string)) (*VM, error) {
	own, err := p.open()
	var files FDs
	for _, device := range own {
		device.Args(&files)
	}
	p.fds.files = append(files.files, p.fds.files...)
	if err != nil {
		return nil, err
	}
	if have, want := len(p.fds.files), len(f.vm.sockets); have != want {
		return nil, fmt.Errorf("%d sockets were given, it has %d", have, want)
	}
	with := map[int]*os.File{stdout: p.outputEnd, stderr: p.outputEnd}
	for i, number := range f.vm.sockets {
		with[number] = p.fds.files[i]
	}
	pid, err := f.origin.Fork(with)
	if err != nil {
		return nil, err
	}
	process, err := adopt(pid)
	if err != nil {
		return nil, err
	}
	p.closeTheirs()
	vm := &VM{Accel: f.vm.Accel, CPUs: f.vm.CPUs, Command: f.vm.Command, sockets: f.vm.sockets, parked: f.vm.isParked()}
	return vm, vm.serve(p, process, console, onLine, func() error {
		vm.qmp = qmp.Resume(p.qmp, vm.event)
		return nil
	})
}

// Kill ends the machine, and every copy that still runs.
func (f *Frozen) Kill() {
	f.origin.Close()
	f.vm.Kill()
}
