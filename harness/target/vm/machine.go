package vm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/harness/guest"
	"github.com/iomapcheck/iomapcheck/harness/wire"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

// machine is a booted guest with its disk. It runs one job at a time.
type machine struct {
	target *Target
	shape  shape
	vm     *qemu.VM
	disk   *disk.Disk
	conn   *wire.Conn
	hello  wire.Hello
	log    *console
	// inbox has what the guest says, in order; closed when the guest is gone, or broken says why nothing more is understood.
	inbox  chan wire.ToHost
	broken error // set before inbox is closed
	// spent says that the machine must not be used again; jobs counts those it was given.
	spent bool
	jobs  int
	// prepared says that a file system stands ready for a program.
	prepared bool
	// atStation says that a shell's command waits for input; see Station.
	atStation bool
	// of is the snapshot that the machine is a clone of, nil for one that has booted. kept says that it will be used again all the same, and
	// warmed that it is a copy of a clone that was; see warm.go.
	of           *level
	kept, warmed bool
	// midway is where a copy stands that was made in the middle of a program, nil for others.
	midway *midway
	// release is called once the machine has ended.
	release func()
	// lost gets the reason when the disk's connection ends before the machine is stopped.
	lost chan error
	// owned are the goroutines that serve the disk and receive from the guest; stop waits for them.
	owned  sync.WaitGroup
	cancel context.CancelFunc
	born   time.Time // the zero of the host's clock for this machine
}

// boot starts a guest and waits for its greeting.
func (t *Target) boot(ctx context.Context, shape shape) (*machine, error) {
	return t.bootIn(ctx, shape, nil)
}

// bootIn is boot with a file for the guest's memory; nil for none.
func (t *Target) bootIn(ctx context.Context, s shape, memory *qemu.Memory) (*machine, error) {
	m, err := t.start(ctx, s, func(c *qemu.Config) { c.Memory = memory })
	if err != nil {
		return nil, err
	}
	return m, m.greeted(ctx)
}

// start starts QEMU with its disk and whoever listens to the guest. change completes the configuration.
func (t *Target) start(ctx context.Context, s shape, change func(*qemu.Config)) (*machine, error) {
	m, socket, err := t.around(s, (*disk.Disk).Serve)
	if err != nil {
		return nil, err
	}
	config := t.qemuConfig(s, socket, m.disk.Size())
	config.Console, config.OnLine, config.Debugger = m.log, m.log.line, t.config.Debugger
	change(&config)
	vm, err := qemu.Start(ctx, config)
	return m.with(vm, err)
}

// around makes everything of a machine but QEMU, for which socket is: a disk that is served on the other end.
func (t *Target) around(s shape, serve func(*disk.Disk, context.Context, net.Conn) error) (m *machine, socket *os.File, err error) {
	blank, err := t.newDisk()
	if err != nil {
		return nil, nil, err
	}
	ours, theirs, err := qemu.SocketPair()
	if err != nil {
		return nil, nil, err
	}
	serving, cancel := context.WithCancel(context.Background())
	m = &machine{
		target: t, shape: s, disk: blank, log: newConsole(), cancel: cancel,
		inbox: make(chan wire.ToHost, 64), lost: make(chan error, 1), born: time.Now(), release: func() {},
	}
	m.owned.Go(func() { m.serveDisk(serving, ours, serve) })
	return m, theirs, nil
}

// with completes a machine with its QEMU; where there is none because of err, the rest is taken down.
func (m *machine) with(vm *qemu.VM, err error) (*machine, error) {
	if err != nil {
		m.cancel()
		m.disk.Close()
		m.owned.Wait()
		return nil, err
	}
	m.vm, m.conn = vm, wire.NewConn(vm.Control)
	m.owned.Go(m.receive)
	return m, nil
}

// qemuConfig is a machine of the shape, with a programmable disk of size bytes behind socket.
func (t *Target) qemuConfig(s shape, socket *os.File, size int64) qemu.Config {
	return qemu.Config{
		Binary: t.binary, Accel: t.choice.Accel, Vmlinux: t.kernel.Vmlinux, Image: t.kernel.Image, Initrd: t.image.Path,
		Devices: append(s.devices(size, socket, t.files), t.config.Further...), Cmdline: append(s.cmdline(), guest.Environment),
		MemoryMiB: cmp.Or(s.memoryMiB(), t.config.MemoryMiB),
	}
}

// serveDisk serves QEMU. The connection's end is QEMU's end, or a fault of ours that the guest sees as a broken disk.
func (m *machine) serveDisk(ctx context.Context, conn net.Conn, serve func(*disk.Disk, context.Context, net.Conn) error) {
	defer conn.Close()
	err := serve(m.disk, ctx, conn)
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		err = errors.New("QEMU closed the disk's connection")
	}
	m.lost <- err
}

func (m *machine) receive() {
	defer close(m.inbox)
	for {
		var msg wire.ToHost
		if err := m.conn.Receive(&msg); err != nil {
			if !errors.Is(err, wire.ErrEnded) {
				m.broken = err
			}
			return
		}
		m.inbox <- msg
	}
}

// greeted waits for the guest's greeting; a machine that does not greet is stopped.
func (m *machine) greeted(ctx context.Context) error {
	limit := m.target.limits().boot
	select {
	case msg, ok := <-m.inbox:
		if ok && msg.Hello != nil {
			m.hello = *msg.Hello
			err := m.checkUptime()
			if err != nil {
				m.stop()
			}
			return err
		}
		err := fmt.Errorf("boot %s: %w", m.target.kernel.Release, m.gone(ctx))
		m.stop()
		return err
	case <-ctx.Done():
		m.stop()
		return context.Cause(ctx)
	case <-time.After(limit):
		err := &qemu.BootError{Reason: fmt.Sprintf("it did not start its first process within %v", limit), Console: m.vm.ConsoleTail()}
		m.stop()
		return fmt.Errorf("boot %s: %w", m.target.kernel.Release, err)
	}
}

// uptimeSlack is what a guest's clock may be ahead of its machine's age: what it is told of its clock's speed is right within a thousandth.
const uptimeSlack = 50 * time.Millisecond

// checkUptime refuses a guest that has lived longer than its machine: its clock's speed is wrong, and with it every time and limit in it.
func (m *machine) checkUptime() error {
	age, uptime := time.Since(m.born), time.Duration(m.hello.Uptime)
	if uptime <= age+age/20+uptimeSlack {
		return nil
	}
	return fmt.Errorf("boot %s: the guest's clock is wrong: %v passed in it in a machine that is %v old; the host is too busy for its kernel to measure time",
		m.target.kernel.Release, uptime.Round(time.Millisecond), age.Round(time.Millisecond))
}

// gone says why a guest whose inbox has closed is gone.
func (m *machine) gone(ctx context.Context) error {
	select {
	case <-m.vm.Done():
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(5 * time.Second):
	}
	switch err := m.vm.Err(); {
	case err != nil:
		return err
	case m.broken != nil:
		return m.broken
	}
	return errors.New("the guest closed its control port")
}

// stop ends the machine and everything that belongs to it. It may be called again.
func (m *machine) stop() {
	m.vm.Kill()
	m.cancel()
	m.disk.Close()
	// The receiver may wait for someone to take a message.
	for range m.inbox {
	}
	m.owned.Wait()
	m.release()
	m.release = func() {}
}

// clock is the host's time in nanoseconds since the machine was made.
func (m *machine) clock() int64 { return time.Since(m.born).Nanoseconds() }
