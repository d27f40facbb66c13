package vm

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/wire"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

// entropySize is how many bytes seed a clone's random numbers: the size of the kernel's pool state (BLAKE2s) and more than its generator's key.
const entropySize = 64

// clone starts a machine from a snapshot. It is stopped until wake.
func (t *Target) clone(ctx context.Context, l *level) (*machine, error) {
	memory, err := l.Memory()
	if err != nil {
		return nil, err
	}
	return t.cloneIn(ctx, l, memory)
}

// cloneIn is clone in a memory that already has the snapshot's contents.
func (t *Target) cloneIn(ctx context.Context, l *level, memory *qemu.Memory) (*machine, error) {
	ctx, cancel := context.WithTimeout(ctx, t.limits().save)
	defer cancel()
	m, err := t.start(ctx, l.shape, func(c *qemu.Config) { c.Memory, c.Clone, c.Debugger = memory, true, "" })
	if err != nil {
		return nil, err
	}
	m.of, m.hello, m.prepared, m.atStation = l, l.hello, l.prepared, l.station
	err = m.disk.Restore(l.image)
	if err == nil {
		err = m.vm.Load(ctx, l.State())
	}
	if err != nil {
		m.stop()
		return nil, fmt.Errorf("clone a machine: %w", err)
	}
	return m, nil
}

// wake lets a clone run, with a clock that is right and random numbers of its own. The guest takes what it is told first before
// anything that it is told later.
func (m *machine) wake(ctx context.Context) error {
	entropy := make([]byte, entropySize)
	_, _ = rand.Read(entropy) // never fails (crypto/rand)
	if err := m.conn.Send(wire.ToGuest{Wake: &wire.Wake{Realtime: time.Now().UnixNano(), Entropy: entropy}}); err != nil {
		return fmt.Errorf("wake a clone: %w", err)
	}
	return m.vm.Resume(ctx)
}

// command is how the machine was started, for the evidence.
func (m *machine) command() string {
	text := strings.Join(m.vm.Command, " ") + "\n"
	if m.of != nil {
		if m.warmed {
			text += "a copy, with all its threads, of a machine that had run a program: "
		}
		if m.midway != nil {
			return text + "one that then had begun the program, " + m.of.key + "\n"
		}
		text += "a clone of snapshot " + m.of.key + ", which was booted as\n" + m.of.booted + "\n"
	}
	return text
}
