package vm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/harness/wire"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

// machine is a booted guest with its disk. It runs one job at a time.
type machine struct {
	target *Target
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
	// owned are the goroutines that serve the disk and receive from the guest; stop waits for them.
	owned  sync.WaitGroup
	cancel context.CancelFunc
	born   time.Time // the zero of the host's clock for this machine
}

// boot starts a guest and waits for its greeting.
func (t *Target) boot(ctx context.Context) (*machine, error) {
	ours, theirs, err := qemu.SocketPair()
	if err != nil {
		return nil, err
	}
	serving, cancel := context.WithCancel(context.Background())
	m := &machine{
		target: t, disk: disk.New(t.config.DiskSize), log: newConsole(), cancel: cancel,
		inbox: make(chan wire.ToHost, 64), born: time.Now(),
	}
	m.owned.Go(func() { m.serveDisk(serving, ours) })
	m.vm, err = qemu.Start(ctx, qemu.Config{
		Binary: t.binary, Accel: t.choice.Accel, Vmlinux: t.kernel.Vmlinux, Image: t.kernel.Image, Initrd: t.image.Path,
		Devices: []qemu.Device{qemu.NBD{Serial: "programmable", Socket: theirs}},
		Console: m.log, OnLine: m.log.line,
	})
	if err != nil {
		m.cancel()
		m.disk.Close()
		m.owned.Wait()
		return nil, err
	}
	m.conn = wire.NewConn(m.vm.Control)
	m.owned.Go(m.receive)
	return m, m.greeted(ctx)
}

// serveDisk serves QEMU; its error is QEMU's end, which the machine notices by itself, or a request that NBD does not allow,
// which goes to the console's log as evidence.
func (m *machine) serveDisk(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	if err := m.disk.Serve(ctx, conn); err != nil && ctx.Err() == nil {
		m.log.line("iomapcheck: the disk's server ended: " + err.Error())
	}
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
			return nil
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

// stop ends the machine and everything that belongs to it.
func (m *machine) stop() {
	m.vm.Stop(context.Background())
	m.cancel()
	m.disk.Close()
	// The receiver may wait for someone to take a message.
	for range m.inbox {
	}
	m.owned.Wait()
}

// clock is the host's time in nanoseconds since the machine was made.
func (m *machine) clock() int64 { return time.Since(m.born).Nanoseconds() }
