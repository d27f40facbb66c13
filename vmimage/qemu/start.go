package qemu

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/qmp"
)

// Start runs a machine and returns as soon as QEMU answers; the kernel is only then beginning to boot. ctx bounds the start, not the machine's
// life: that ends by itself, with Stop, or with this process, however it dies.
//
// Errors are *InfraError. The QEMU ends of all sockets in config.Devices, and the file of config.Memory, are closed, whatever happens; our ends stay the caller's.
func Start(ctx context.Context, config Config) (*VM, error) {
	parts := &parts{}
	defer parts.closeTheirs()
	vm, err := parts.start(ctx, config)
	if err != nil {
		parts.closeOurs()
		return nil, err
	}
	return vm, nil
}

// parts are the ends of the sockets between us and QEMU while it is being started.
type parts struct {
	fds                   FDs
	control, console, qmp net.Conn
	output, outputEnd     *os.File // QEMU's standard output and error: our end, its end
}

func (p *parts) closeTheirs() {
	for _, file := range p.fds.files {
		file.Close()
	}
	if p.outputEnd != nil {
		p.outputEnd.Close()
	}
}

func (p *parts) closeOurs() {
	for _, conn := range []net.Conn{p.control, p.console, p.qmp} {
		if conn != nil {
			conn.Close()
		}
	}
	if p.output != nil {
		p.output.Close()
	}
}

func (p *parts) start(ctx context.Context, config Config) (*VM, error) {
	devices, err := p.open()
	devices = append(devices, config.Devices...)
	if config.Binary == nil && err == nil {
		config.Binary, err = Find(ctx, "")
	}
	if err != nil {
		for _, device := range devices {
			device.Args(&p.fds) // so that their sockets get closed
		}
		config.Memory.args(&p.fds, 0)
		return nil, err
	}
	config.setDefaults()
	config.clock = config.tscCmdline()
	args := config.args(&p.fds, devices)
	process, err := startProcess(config.Binary.Path, args, p.fds.files, p.outputEnd)
	if err != nil {
		return nil, &InfraError{Op: "start " + config.Binary.Path, Err: cache.NoSpace(os.TempDir(), err)}
	}
	p.closeTheirs() // now only QEMU has them: its death shows as the end of each
	return newVM(ctx, p, process, config, args)
}

// open makes the sockets of the machine's own devices.
func (p *parts) open() ([]Device, error) {
	var devices []Device
	for _, own := range []struct {
		conn   *net.Conn
		device func(*os.File) Device
	}{
		{&p.qmp, func(f *os.File) Device { return monitor{f} }},
		{&p.console, func(f *os.File) Device { return serialConsole{f} }},
		{&p.control, func(f *os.File) Device { return Port{ControlPort, f} }},
	} {
		ours, theirs, err := SocketPair()
		if err != nil {
			return devices, err
		}
		*own.conn = ours
		devices = append(devices, own.device(theirs))
	}
	var err error
	if p.output, p.outputEnd, err = os.Pipe(); err != nil {
		return devices, &InfraError{Op: "make pipe for QEMU's output", Err: err}
	}
	return devices, nil
}

// newVM starts the goroutines that serve a running QEMU, all of which end with it, and waits for its monitor.
func newVM(ctx context.Context, p *parts, process *process, config Config, args []string) (*VM, error) {
	vm := &VM{Accel: config.Accel, CPUs: config.CPUs, Command: append([]string{config.Binary.Path}, args...), sockets: p.fds.sockets}
	if err := vm.serve(p, process, config.Console, config.OnLine, func() (err error) {
		vm.qmp, err = qmp.New(ctx, p.qmp, vm.event)
		return err
	}); err != nil {
		return nil, &InfraError{Op: "start " + config.Binary.Path, Stderr: vm.stderr.String(), Err: vm.exitError(ctx, err)}
	}
	return vm, nil
}

// serve completes a machine whose process runs. open opens its monitor; if that fails QEMU is killed.
func (vm *VM) serve(p *parts, process *process, console io.Writer, onLine func(string), open func() error) error {
	vm.Control, vm.serial, vm.process = p.control, p.console, process
	vm.done, vm.events, vm.migration = make(chan struct{}), make(chan qmp.Event, queuedEvents), make(chan string, queuedEvents)
	var outputs sync.WaitGroup
	outputs.Go(func() { drain(p.console, &vm.console, console, onLine) })
	outputs.Go(func() { drain(p.output, &vm.stderr, io.Discard, nil) })
	if err := open(); err != nil {
		process.kill()
		<-process.exited
		outputs.Wait()
		return err
	}
	go vm.watch(&outputs)
	return nil
}

// exitError prefers how QEMU ended over what that did to its monitor.
func (vm *VM) exitError(ctx context.Context, err error) error {
	if ctx.Err() != nil || vm.process.err == nil {
		return err
	}
	return fmt.Errorf("it ended with %v", vm.process.err)
}
