// Package accel finds out by booting whether hardware acceleration works: there are machines where /dev/kvm opens and no guest runs.
package accel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

// Choice is an acceleration and why.
type Choice struct {
	Accel  qemu.Accel `json:"accel"`
	Reason string     `json:"reason"` // one line: why KVM is not used, or that it runs guests
	Cached bool       `json:"-"`      // remembered from an earlier probe since the host booted
}

// Force returns the choice a user made: "kvm" or "tcg".
func Force(name string) (Choice, error) {
	switch accel := qemu.Accel(name); accel {
	case qemu.KVM, qemu.TCG:
		return Choice{Accel: accel, Reason: "asked for"}, nil
	}
	return Choice{}, fmt.Errorf("choose acceleration %q: want %s or %s", name, qemu.KVM, qemu.TCG)
}

// Prober chooses between KVM and TCG for one QEMU.
type Prober struct {
	Cache   cache.Dir
	Binary  *qemu.Binary
	Vmlinux string // any kernel, as in qemu.Config
	Image   string // likewise

	// Device is the path of the KVM device; empty means /dev/kvm.
	Device string
}

// bootLimit is how long a kernel gets to its first console line under KVM. It takes a tenth of a second; one that needs this long is no
// faster than TCG.
const bootLimit = 5 * time.Second

// Choose returns KVM if the kernel's first line arrives under it, otherwise TCG. The answer of a boot is remembered until the host is booted
// anew or its QEMU changes. Errors are trouble of ours (ctx ended, a full disk), never that KVM does not work.
func (p Prober) Choose(ctx context.Context) (Choice, error) {
	device := p.Device
	if device == "" {
		device = "/dev/kvm"
	}
	file, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return Choice{Accel: qemu.TCG, Reason: "no KVM: " + err.Error()}, nil
	}
	file.Close()
	choice, err := p.remembered(ctx)
	if err != nil {
		return Choice{}, fmt.Errorf("choose acceleration: %w", err)
	}
	return choice, nil
}

// remembered probes at most once per key, also when several processes ask at the same time.
func (p Prober) remembered(ctx context.Context) (Choice, error) {
	choice := Choice{Cached: true}
	path, err := p.Cache.Publish(ctx, "accel", p.key()+".json", func(path string) error {
		var err error
		if choice, err = p.probe(ctx); err != nil {
			return err
		}
		text, err := json.Marshal(choice)
		if err != nil {
			return fmt.Errorf("encode choice: %w", err)
		}
		return os.WriteFile(path, text, 0o644)
	})
	if err != nil || !choice.Cached {
		return choice, err
	}
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &choice)
	}
	if err != nil {
		// A file that a crash of the host left empty would be in the way for ever.
		return choice, errors.Join(fmt.Errorf("read %s: %w", path, err), os.Remove(path))
	}
	return choice, nil
}

// key changes with whatever could change the answer: this boot of the host, its kernel and processor, and QEMU.
func (p Prober) key() string {
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	var name unix.Utsname
	_ = unix.Uname(&name)
	return cache.Key(string(boot), unix.ByteSliceToString(name.Release[:]), processor(), p.Binary.Path, p.Binary.Version)
}

func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if strings.HasPrefix(line, "model name") {
			return line
		}
	}
	return ""
}

// probe boots under KVM until the kernel speaks.
func (p Prober) probe(ctx context.Context) (Choice, error) {
	bounded, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	spoke := make(chan struct{}, 1)
	vm, err := qemu.Start(bounded, qemu.Config{
		Binary: p.Binary, Accel: qemu.KVM, CPUs: 1, MemoryMiB: 256, Vmlinux: p.Vmlinux, Image: p.Image,
		OnLine: func(line string) {
			if strings.Contains(line, "Linux version") {
				select {
				case spoke <- struct{}{}:
				default:
				}
			}
		},
	})
	if err != nil {
		return p.failed(ctx, err)
	}
	defer vm.Stop(context.Background())
	select {
	case <-spoke:
		return Choice{Accel: qemu.KVM, Reason: "a kernel boots under it"}, nil
	case <-vm.Done():
		return p.failed(ctx, vm.Err())
	case <-bounded.Done():
		return p.failed(ctx, fmt.Errorf("a kernel said nothing for %v", bootLimit))
	}
}

// failed is TCG because of err, unless we were told to stop.
func (p Prober) failed(ctx context.Context, err error) (Choice, error) {
	if ctx.Err() != nil {
		return Choice{}, ctx.Err()
	}
	reason := strings.ReplaceAll(err.Error(), "\n", "; ")
	return Choice{Accel: qemu.TCG, Reason: "KVM does not work: " + reason}, nil
}
