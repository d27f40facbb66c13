// Package guest is PID 1 of a virtual machine: it sets the machine up, obeys the host over a virtio-serial port, and runs
// programs on file systems that it makes.
//
// The environment that it gives:
//
//	/proc /sys /dev          as usual; /sys/kernel/tracing is tracefs, /sys/fs/cgroup the unified hierarchy
//	/modules/index           kernel modules by name, in load order
//	/mnt                     the file system under test
//	/dev/vda                 the programmable disk, served by the host; /dev/vdb is a part of it, for a separate log
//	/dev/nvme0n1             the programmable disk with zones, instead of /dev/vda
//	/dev/pmem0, /dev/nullb0  persistent memory and a disk with conventional zones, both in the guest's own memory
//	/run/files               a program's files, where the file system has its own names for them
//	PATH                     /sbin:/bin:/usr/sbin:/usr/bin with the mkfs tools
//	standard error           the console
package guest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// Environment is what the first process has to find in its environment, as a word of the kernel's command line, from which the kernel passes on what it
// does not know: no signals to threads in system calls, and no look at the processor's limits from time to time.
const Environment = "GODEBUG=" + exec.RuntimeSettings

// Main is the guest's main function. It does not return: a PID 1 that ends panics the kernel, so it powers off instead, having
// said why on the console.
func Main() {
	err := run()
	fmt.Fprintln(os.Stderr, "iomapcheck guest:", err)
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	select {}
}

func run() error {
	if err := mountAll(); err != nil {
		return err
	}
	if err := tune(); err != nil {
		return err
	}
	for _, name := range []string{"virtio_pci", "virtio_console", "virtio_blk"} {
		if err := loadModule(name); err != nil && !errors.Is(err, errNoModule) {
			return err
		}
	}
	port, err := openPort(wire.PortName)
	if err != nil {
		return err
	}
	a := &agent{conn: wire.NewConn(port), answers: map[int64]chan wire.Answer{}}
	if err := a.conn.Send(wire.ToHost{Hello: &wire.Hello{Release: release(), CPUs: runtime.NumCPU(), Uptime: exec.Now()}}); err != nil {
		return err
	}
	return a.serve()
}

func release() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}

// mountAll makes the guest's environment. What a kernel lacks beyond the essential three is left out: its users say so.
func mountAll() error {
	for _, m := range []struct {
		kind, at  string
		essential bool
	}{
		{"proc", "/proc", true}, {"sysfs", "/sys", true}, {"devtmpfs", "/dev", true},
		{"tracefs", "/sys/kernel/tracing", false}, {"cgroup2", "/sys/fs/cgroup", false}, {"tmpfs", "/tmp", false}, {"tmpfs", "/run", false},
	} {
		_ = os.MkdirAll(m.at, 0o755)
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil && err != unix.EBUSY && m.essential {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	return os.MkdirAll(mountPoint, 0o755)
}

// tune sets what the kernel's hang detectors and the console need; a knob that a kernel lacks is skipped.
func tune() error {
	for path, value := range map[string]string{
		// A task that sleeps uninterruptibly this long is reported by the kernel itself, before the run's own limit.
		"/proc/sys/kernel/hung_task_timeout_secs": "20",
		"/proc/sys/kernel/hung_task_warnings":     "-1",
		// Everything on the console: it is the evidence.
		"/proc/sys/kernel/printk":           "7",
		"/proc/sys/kernel/printk_ratelimit": "0",
		"/proc/sys/kernel/sysrq":            "1",
		"/proc/sys/fs/aio-max-nr":           "65536",
		// The kernel writes nothing back before a program says so. Not 0: that wakes the flusher at once for every inode that
		// becomes dirty (wb_wakeup_delayed), and it then finds a new device over its background threshold.
		"/proc/sys/vm/dirty_writeback_centisecs": "360000",
		"/proc/sys/vm/dirty_expire_centisecs":    "360000",
	} {
		if err := os.WriteFile(path, []byte(value), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("set %s: %w", path, err)
		}
	}
	return os.Setenv("PATH", "/sbin:/bin:/usr/sbin:/usr/bin")
}

// port is the virtio-serial port, kept out of Go's poller: a write by one process while another's read is parked in the
// poller can lose its wakeup.
type port int

func (p port) Read(b []byte) (int, error) { return ignoreEINTR(unix.Read, int(p), b) }

// Write writes all of b: the driver takes at most 32 KiB a call (port_fops_write).
func (p port) Write(b []byte) (int, error) {
	for done := 0; ; {
		n, err := ignoreEINTR(unix.Write, int(p), b[done:])
		done += n
		if err != nil || done == len(b) {
			return done, err
		}
	}
}

func ignoreEINTR(call func(int, []byte) (int, error), fd int, b []byte) (int, error) {
	for {
		n, err := call(fd, b)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// openPort opens the port with that name; the driver names it a moment after its device appears.
func openPort(name string) (port, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var names []string
	for {
		ports, _ := os.ReadDir("/sys/class/virtio-ports")
		names = names[:0]
		for _, p := range ports {
			names = append(names, p.Name())
			text, _ := os.ReadFile("/sys/class/virtio-ports/" + p.Name() + "/name")
			if strings.TrimSpace(string(text)) != name {
				continue
			}
			fd, err := unix.Open("/dev/"+p.Name(), unix.O_RDWR|unix.O_CLOEXEC, 0)
			if err == nil {
				return port(fd), nil
			}
		}
		select {
		case <-ctx.Done():
			return -1, fmt.Errorf("open control port %s: none of that name among %q", name, names)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// IsGuest says whether this machine is one of ours: PID 1 of a container that happens to be iomapcheck is not. It looks for
// the module index of the image.
func IsGuest() bool {
	_, err := os.Stat("/modules/index")
	return err == nil
}
