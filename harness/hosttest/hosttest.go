// Package hosttest has what tests have in common that use this machine: its kernel, its devices, its programs.
package hosttest

import (
	"errors"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Unable skips a test that this machine cannot run: most need root's rights, loop devices, mkfs.ext4 and the programmable disk.
// IOMAPCHECK_REQUIRE_HOST=1 makes that a failure.
func Unable(t testing.TB, why error) {
	t.Helper()
	if os.Getenv("IOMAPCHECK_REQUIRE_HOST") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// NeedRoot is Unable for who is not root.
func NeedRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Unable(t, errors.New("needs root's rights"))
	}
}

// Command runs a command, which has to succeed, and gives what it printed.
func Command(t testing.TB, words ...string) string {
	t.Helper()
	out, err := osexec.Command(words[0], words[1:]...).CombinedOutput()
	if errors.Is(err, osexec.ErrNotFound) {
		Unable(t, err)
	}
	if err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(words, " "), err, out)
	}
	return string(out)
}

// LoopDevice is a loop device on a file of 400 MiB, until the test ends.
func LoopDevice(t testing.TB) string {
	t.Helper()
	NeedRoot(t)
	image := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 400<<20); err != nil {
		t.Fatal(err)
	}
	device := strings.TrimSpace(Command(t, "losetup", "--find", "--show", image))
	t.Cleanup(func() { Command(t, "losetup", "--detach", device) })
	return device
}

// Ext4 is a new ext4 on a loop device, mounted on a folder until the test ends.
func Ext4(t testing.TB) (dir, device string) {
	t.Helper()
	device = LoopDevice(t)
	dir = t.TempDir()
	Command(t, "mkfs.ext4", "-q", "-F", "-b", "4096", device)
	Command(t, "mount", device, dir)
	t.Cleanup(func() { Command(t, "umount", dir) })
	return dir, device
}

// Program builds the static iomapcheck, which is also the guests' PID 1.
func Program(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "iomapcheck")
	build := osexec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "github.com/iomapcheck/iomapcheck/harness/cmd/iomapcheck")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build iomapcheck: %v\n%s", err, out)
	}
	return path
}
