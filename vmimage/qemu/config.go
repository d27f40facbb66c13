package qemu

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Accel is how QEMU runs guest code.
type Accel string

// The accelerations we use.
const (
	KVM Accel = "kvm" // the processor does; needs /dev/kvm that works
	TCG Accel = "tcg" // QEMU translates; works everywhere, some 10 times slower
)

// Config describes a machine.
type Config struct {
	// Binary is the QEMU to run; nil means Find(ctx, "").
	Binary *Binary

	// Accel is the acceleration; empty means TCG. vmimage/accel finds out whether KVM works.
	Accel Accel

	// CPUs is the number of virtual processors; 0 means 2, but 1 under TCG before QEMU 10: its translator threads race with the kernel
	// patching its own code (static keys, tracepoints), and the guest dies of "Oops: int3".
	CPUs int

	// MemoryMiB is the guest's memory; 0 means 1024.
	MemoryMiB int

	// Memory is the file that holds the guest's memory; nil for memory without a file. A machine with one can be saved, or be a clone.
	Memory *Memory

	// Clone says that the machine does not boot, but waits for VM.Load.
	Clone bool

	// Vmlinux is the uncompressed kernel, entered through PVH; if empty, or this QEMU has no qboot, Image is booted.
	Vmlinux string

	// Image is the bzImage. If both are empty the firmware runs and nothing else.
	Image string

	// Initrd is the initramfs.
	Initrd string

	// Cmdline is added to BaseCmdline; what is given twice counts as given here.
	Cmdline []string

	// Devices are the disks and further ports, in the order the guest finds them: /dev/vda, /dev/vdb, …
	Devices []Device

	// Debugger is an address, as -gdb takes it ("unix:PATH,server=on,wait=off", "tcp:localhost:1234"), at which QEMU waits for a debugger before
	// the guest's first instruction; empty for none.
	Debugger string

	// Console gets every byte of the serial console, from one goroutine; nil to drop them. While it blocks the guest runs on until about
	// 4 MiB are waiting. Its errors are ignored: a full disk must not stop a guest.
	Console io.Writer

	// OnLine is called with every line of the console without its end, after Console got it, from the same goroutine; may be nil.
	OnLine func(line string)

	// clock is what the kernel is told of its clock; set by Start, and no part of the machine's identity.
	clock []string
}

// ControlPort is the name of the virtio-serial port behind VM.Control.
const ControlPort = "iomapcheck.0"

// BaseCmdline returns the kernel's command line before Config.Cmdline is added.
//
//   - panic=-1 with -no-reboot: a panic ends the machine at once;
//   - tsc=reliable: a loaded host must not make the guest give up its clock;
//   - sysrq_always_enabled, unknown_nmi_panic: what VM.Diagnose asks a hung guest with;
//   - no_timer_check, mitigations, rcu_expedited, lsm=, cryptomgr, initcall_blacklist: nothing we test, and a second of boot under TCG
//     (the crypto self-tests alone are 0.4 s). The built-in certificates stay, though they cost 0.1 s: without them every module taints
//     the kernel.
func BaseCmdline() []string {
	return []string{
		"console=ttyS0", "panic=-1", "rdinit=/init", "sysrq_always_enabled=1", "unknown_nmi_panic=1",
		"tsc=reliable", "no_timer_check", "mitigations=off", "rcupdate.rcu_expedited=1", "lsm=",
		"random.trust_cpu=on", "nokaslr", "cryptomgr.notests", "nmi_watchdog=0",
		"initcall_blacklist=jent_mod_init,init_encrypted,inet6_init",
	}
}

// defaultMemoryMiB is enough for the initramfs twice (archive and unpacked) and a few hundred MiB of page cache.
const defaultMemoryMiB = 1024

// MemorySize is the size of the guest's memory, and so of Memory's file, in MiB.
func (c Config) MemorySize() int {
	if c.MemoryMiB == 0 {
		return defaultMemoryMiB
	}
	return c.MemoryMiB
}

func (c *Config) setDefaults() {
	if c.Accel == "" {
		c.Accel = TCG
	}
	c.MemoryMiB = c.MemorySize()
	if c.CPUs == 0 {
		c.CPUs = 2
		if c.Accel == TCG && c.Binary.Major < 10 {
			c.CPUs = 1
		}
	}
}

// args returns the whole command line after the program's name.
func (c *Config) args(fds *FDs, devices []Device) []string {
	args := []string{
		"-no-user-config", "-nodefaults", "-display", "none", "-no-reboot",
		"-name", "iomapcheck,debug-threads=on",
		"-machine", "q35,usb=off,vmport=off,smbus=off,sata=off,dump-guest-core=off" + c.Memory.machine(),
		"-m", fmt.Sprintf("%dM", c.MemoryMiB), "-smp", fmt.Sprint(c.CPUs),
	}
	args = append(args, c.Memory.args(fds, c.MemoryMiB)...)
	args = append(args, c.accelArgs()...)
	if c.Clone {
		args = append(args, c.cloneArgs()...)
	} else {
		args = append(args, c.kernelArgs()...)
	}
	if c.Debugger != "" {
		args = append(args, "-gdb", c.Debugger, "-S")
	}
	args = append(args, "-device", "virtio-serial-pci")
	for _, device := range devices {
		args = append(args, device.Args(fds)...)
	}
	return args
}

func (c *Config) accelArgs() []string {
	if c.Accel == KVM {
		return []string{"-accel", "kvm", "-cpu", "host"}
	}
	return []string{"-accel", "tcg", "-cpu", "max"}
}

func (c *Config) kernelArgs() []string {
	var args []string
	switch {
	case c.Vmlinux != "" && c.Binary.Qboot:
		args = []string{"-bios", "qboot.rom", "-kernel", c.Vmlinux}
	case c.Image != "":
		args = []string{"-kernel", c.Image}
	default:
		return nil
	}
	if c.Initrd != "" {
		args = append(args, "-initrd", c.Initrd)
	}
	return append(args, "-append", strings.Join(slices.Concat(BaseCmdline(), c.clock, c.Cmdline), " "))
}
