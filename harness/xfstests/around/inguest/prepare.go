package inguest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/guest"
)

func (g *attendant) prepare(p Prepare) Prepared {
	if err := g.furnish(p); err != nil {
		return Prepared{Error: err.Error()}
	}
	known, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return Prepared{Error: err.Error()}
	}
	if !slices.Contains(strings.Fields(string(known)), p.FSType) {
		return Prepared{Unsupported: "this kernel has no file system " + p.FSType}
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.Limit)
	defer cancel()
	out, err := command(ctx, g.placed(p.Mkfs)).CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return Prepared{Error: fmt.Sprintf("make the file system on the TEST disk: %q did not end within %v", p.Mkfs, p.Limit)}
	case err != nil:
		return Prepared{Unsupported: fmt.Sprintf("%s: %v: %s", p.Mkfs, err, lastLine(string(out)))}
	}
	return Prepared{}
}

// furnish does all of a preparation but the file system.
func (g *attendant) furnish(p Prepare) error {
	for _, name := range p.Modules {
		if err := guest.LoadModule(name); err != nil {
			return err
		}
	}
	var err error
	test, scratch := TestSerial, ScratchSerial
	if p.Plain {
		test, scratch = PlainTestSerial, PlainScratchSerial
	}
	if g.devices, err = devices(test, scratch, UserlandSerial, TreeSerial); err != nil {
		return err
	}
	g.devices[TestDev], g.devices[ScratchDev] = g.devices[test], g.devices[scratch]
	if err := g.mountAll(); err != nil {
		return err
	}
	return errors.Join(tune(), writeFile(TreeDir+"/local.config", g.placed(p.Config)))
}

// placed puts the devices' names into a text.
func (g *attendant) placed(text string) string {
	return strings.NewReplacer(TestDev, g.devices[TestDev], ScratchDev, g.devices[ScratchDev]).Replace(text)
}

// devices finds the machine's disks by their serials.
func devices(wanted ...string) (map[string]string, error) {
	found := map[string]string{}
	files, err := filepath.Glob("/sys/block/vd*/serial")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		serial, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("find disks: %w", err)
		}
		found[strings.TrimSpace(string(serial))] = "/dev/" + filepath.Base(filepath.Dir(file))
	}
	for _, want := range wanted {
		if found[want] == "" {
			return nil, fmt.Errorf("find disks: none has the serial %s, among %v", want, found)
		}
	}
	return found, nil
}

// mountAll makes the userland complete. What a kernel lacks beyond the essentials is left out: tests find that out for themselves.
func (g *attendant) mountAll() error {
	for _, m := range []struct {
		source, at, kind string
		flags            uintptr
		essential        bool
	}{
		{g.devices[UserlandSerial], "", "ext4", 0, true},
		{g.devices[TreeSerial], TreeDir, "ext4", 0, true},
		{"proc", "/proc", "proc", 0, true}, {"sysfs", "/sys", "sysfs", 0, true}, {"/dev", "/dev", "", unix.MS_BIND, true},
		{"devpts", "/dev/pts", "devpts", 0, false}, {"tmpfs", "/dev/shm", "tmpfs", 0, false}, {"tmpfs", "/run", "tmpfs", 0, false},
		{"tracefs", "/sys/kernel/tracing", "tracefs", 0, false}, {"debugfs", "/sys/kernel/debug", "debugfs", 0, false},
		{"cgroup2", "/sys/fs/cgroup", "cgroup2", 0, false},
	} {
		at := inUserland(m.at)
		_ = os.MkdirAll(at, 0o755)
		if err := unix.Mount(m.source, at, m.kind, m.flags, ""); err != nil && m.essential {
			return fmt.Errorf("mount %s on %s: %w", m.source, at, err)
		}
	}
	if err := unix.Sethostname([]byte("guest")); err != nil {
		return fmt.Errorf("set the host's name: %w", err)
	}
	// Where there is udev it makes these. Without /dev/fd bash has no process substitution, and tests find programs lacking that are there.
	for name, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		if err := os.Symlink(target, inUserland("/dev/"+name)); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("complete /dev: %w", err)
		}
	}
	return errors.Join(os.MkdirAll(inUserland(TestDir), 0o755), os.MkdirAll(inUserland(ScratchDir), 0o755))
}

// tune gives the kernel back what PID 1 has set for programs of ours: stock tests count on writeback that comes by itself.
func tune() error {
	for path, value := range map[string]string{
		"/proc/sys/vm/dirty_writeback_centisecs":  "500",
		"/proc/sys/vm/dirty_expire_centisecs":     "3000",
		"/proc/sys/kernel/hung_task_timeout_secs": "120",
	} {
		if err := os.WriteFile(path, []byte(value), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("set %s: %w", path, err)
		}
	}
	return nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// afterKill is how long a killed command's output is waited for.
const afterKill = 5 * time.Second
