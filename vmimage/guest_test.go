package vmimage_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/apt"
	"github.com/iomapcheck/iomapcheck/vmimage/initramfs"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
	"github.com/iomapcheck/iomapcheck/vmimage/userland"
	"github.com/iomapcheck/iomapcheck/vmimage/vmtest"
)

// limit bounds every wait of these tests; it is a last resort, not a measure.
const limit = 3 * time.Minute

// modules is what the test guest can load.
func modules() []string { return []string{"virtio_blk", "xfs", "ext4", "btrfs", "gfs2"} }

// image resolves Debian's 6.12 and builds an initramfs with the test guest.
func image(t testing.TB) (*kernel.Kernel, *initramfs.Image) {
	t.Helper()
	ctx, dir := t.Context(), vmtest.CacheDir(t)
	archive := apt.Open(dir)
	archive.Report = func(line string) { t.Log(line) }
	resolver := kernel.Resolver{Cache: dir, Archive: archive}
	resolved, err := resolver.Resolve(ctx, "debian:6.12")
	if err != nil {
		vmtest.Unavailable(t, err)
	}
	loadings, err := resolver.Modules(ctx, resolved, modules()...)
	if err != nil {
		t.Fatal(err)
	}
	files, err := userland.Resolve(ctx, dir, archive)
	if err != nil {
		vmtest.Unavailable(t, err)
	}
	built, err := initramfs.Build(ctx, dir, initramfs.Config{Init: buildGuest(t), Modules: loadings, Files: files})
	if err != nil {
		t.Fatal(err)
	}
	return resolved, built
}

func buildGuest(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "guest")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "./testdata/guest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build guest: %v\n%s", err, out)
	}
	return path
}

// guest is a booted machine that obeys commands.
type guest struct {
	*qemu.VM
	t       testing.TB
	answers *bufio.Reader
	booted  time.Duration // from Start to the guest's hello
}

// boot starts a machine with the test guest and waits for its hello.
func boot(t testing.TB, config qemu.Config) *guest {
	t.Helper()
	if _, err := qemu.Find(t.Context(), ""); err != nil {
		vmtest.Unavailable(t, err)
	}
	resolved, built := image(t)
	config.Vmlinux, config.Image, config.Initrd = resolved.Vmlinux, resolved.Image, built.Path
	return start(t, config)
}

func start(t testing.TB, config qemu.Config) *guest {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	began := time.Now()
	vm, err := qemu.Start(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Stop(context.Background()) })
	g := &guest{VM: vm, t: t, answers: bufio.NewReader(vm.Control)}
	if hello := g.line(); hello != "hello" {
		t.Fatalf("guest said %q, want hello; %v; console:\n%s", hello, vm.Err(), vm.ConsoleTail())
	}
	g.booted = time.Since(began)
	return g
}

// line reads one line from the guest; "" if it is gone.
func (g *guest) line() string {
	g.t.Helper()
	if err := g.Control.SetReadDeadline(time.Now().Add(limit)); err != nil {
		g.t.Fatal(err)
	}
	line, err := g.answers.ReadString('\n')
	if err != nil && err != io.EOF {
		g.t.Fatalf("read from guest: %v; console:\n%s", err, g.ConsoleTail())
	}
	return strings.TrimSpace(line)
}

// send gives the guest a command and does not wait for the answer.
func (g *guest) send(format string, args ...any) {
	g.t.Helper()
	if _, err := fmt.Fprintf(g.Control, format+"\n", args...); err != nil {
		g.t.Fatal(err)
	}
}

// ask gives the guest a command and returns its answer.
func (g *guest) ask(format string, args ...any) string {
	g.t.Helper()
	g.send(format, args...)
	return g.line()
}

// must asks for something that has to succeed.
func (g *guest) must(format string, args ...any) {
	g.t.Helper()
	if answer := g.ask(format, args...); answer != "ok" {
		g.t.Fatalf("guest command %q: %s; console:\n%s", fmt.Sprintf(format, args...), answer, g.ConsoleTail())
	}
}

// await waits until the machine is gone.
func (g *guest) await() {
	g.t.Helper()
	select {
	case <-g.Done():
	case <-time.After(limit):
		g.t.Fatalf("machine did not end; console:\n%s", g.ConsoleTail())
	}
}
