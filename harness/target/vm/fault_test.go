package vm_test

import (
	"context"
	"errors"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/hosttest"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/target/vm"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
	"github.com/iomapcheck/iomapcheck/vmimage/vmtest"
)

// waiting keeps a guest busy until its limit: nothing is ever held.
const waiting = "fsync f\nhold writes f 0 4k\nawait held 1\n"

// faulty runs waiting, of which nothing but a fault of ours may come.
func faulty(t *testing.T, tg *vm.Target, why string) *target.Execution {
	t.Helper()
	spec, err := fsys.Parse("xfs")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	err = tg.Run(ctx, target.Job{Program: parse(t, waiting), FS: spec, Name: t.Name()}, func(x target.Execution) bool {
		t.Errorf("a history came of it: %s", judge.Judge(parse(t, waiting), x.History).Summary())
		return false
	})
	var fault *target.FaultError
	if !errors.As(err, &fault) || !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("got %v, want a fault of ours in one line that says %q", err, why)
	}
	if x := fault.Execution; x == nil || x.History == nil || x.Extra["qemu.txt"] == "" {
		t.Errorf("no evidence is kept: %+v", x)
	}
	return fault.Execution
}

// children are our processes by name of program: QEMU.
func children(t *testing.T) []string {
	t.Helper()
	var left []string
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		name, rest, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) && strings.Contains(name, "qemu") {
			left = append(left, name)
		}
	}
	return left
}

func TestWhatFailsOnOurSideIsOurFaultAndTheNextJobRuns(t *testing.T) {
	var breakIt func(vm.Start)
	tg := open(t, vm.Config{RunLimit: 20 * time.Second, AtStart: func(s vm.Start) { breakIt(s) }})
	guest := func(how string) func(vm.Start) { return func(s vm.Start) { _ = s.Guest(how) } }
	for _, c := range []struct {
		name    string
		breakIt func(vm.Start)
		why     string
	}{
		{"QEMU is killed", func(s vm.Start) { _ = unix.Kill(s.QEMU, unix.SIGKILL) }, "signal: killed"},
		// Whatever the kernel says of it.
		{"the disk is lost", func(s vm.Start) { s.Disk.Close() }, "the disk was lost"},
		{"garbage on the control channel is quoted", guest("garbage"), "decode control message"},
		{"a line without end on the control channel is bounded", guest("endless-line"), "token too long"},
		{"a guest that reports without end is bounded", guest("flood-events"), "MiB of events"},
	} {
		t.Run(c.name, func(t *testing.T) {
			breakIt = c.breakIt
			if x := faulty(t, tg, c.why); len(x.History.Events) > 2000 {
				t.Errorf("%d events are kept", len(x.History.Events))
			}
		})
	}
	breakIt = func(vm.Start) {}
	if out := run(t, tg, "xfs", "write f 0 4k o\nfsync f\n"); out.Verdict != judge.OK {
		t.Errorf("the next job: %s", out.Summary())
	}
	tg.Close()
	if left := children(t); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
}

func TestAConsoleThatNeverEndsKeepsNobodyFromAVerdict(t *testing.T) {
	tg := open(t, vm.Config{RunLimit: 10 * time.Second, AtStart: func(s vm.Start) { _ = s.Guest("flood-console") }})
	out := run(t, tg, "xfs", waiting)
	if out.Verdict != judge.Unexercised && out.Verdict != judge.Hang {
		t.Errorf("got %s, want unexercised, or hang where the flood leaves the guest no time", out.Summary())
	}
	if n := len(out.Console); n == 0 || n > 5<<20 || !strings.Contains(out.Console, "flood flood") {
		t.Errorf("%d bytes of the console are kept", n)
	}
}

// tiny mounts a file system that is full after size, or skips where this process may not.
func tiny(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mounting a small file system is not allowed here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestACacheOnAFullDiskIsOneErrorThatSaysSo(t *testing.T) {
	image := open(t, vm.Config{}).Kernel().Image
	dir := tiny(t, "4m")
	_, err := vm.Open(t.Context(), vm.Config{Kernel: image, Cache: cache.Dir(dir), Agent: hosttest.Program(t)})
	var full *cache.SpaceError
	if !errors.As(err, &full) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("got %v, want a *cache.SpaceError in one line", err)
	}
	// What was begun is removed again: nothing in the cache may look whole.
	entries, err := cache.Dir(dir).Entries("vmlinux")
	if err != nil || len(entries) > 0 {
		t.Errorf("the cache has %q, %v", entries, err)
	}
}

func TestAProgramWithALoaderIsRefusedAsAnAgent(t *testing.T) {
	if _, err := vm.Open(t.Context(), vm.Config{Kernel: "debian:6.12", Cache: vmtest.CacheDir(t), Agent: "/bin/sh"}); err == nil || !strings.Contains(err.Error(), "linked dynamically") {
		t.Errorf("got %v, want the agent refused", err)
	}
}

// The panic is the kernel's answer to what it was given: a verdict, not an error.
func TestAGuestThatDoesNotComeUpIsACrashWithItsPanic(t *testing.T) {
	if _, err := qemu.Find(t.Context(), ""); err != nil {
		vmtest.Unavailable(t, err)
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	build := osexec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "init"), source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build a first process that ends: %v\n%s", err, out)
	}
	tg, err := vm.Open(t.Context(), vm.Config{Kernel: "debian:6.12", Cache: vmtest.CacheDir(t), Agent: filepath.Join(dir, "init"), Report: func(line string) { t.Log(line) }})
	if err != nil {
		vmtest.Unavailable(t, err)
	}
	t.Cleanup(tg.Close)
	out := run(t, tg, "xfs", "fsync f\n")
	if out.Verdict != judge.Crash || !strings.Contains(out.Text, "Attempted to kill init") || !strings.Contains(out.Console, "Call Trace") {
		t.Errorf("got %s, want a crash with the panic", out.Summary())
	}
}
