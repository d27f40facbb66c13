package vmimage_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
	"github.com/iomapcheck/iomapcheck/vmimage/vmtest"
)

// A kernel that does not reach its first process failed, whatever it was given; a QEMU that cannot be given it is our failure.
func TestAKernelWithoutAnythingToRunIsABootErrorWithItsReason(t *testing.T) {
	if _, err := qemu.Find(t.Context(), ""); err != nil {
		vmtest.Unavailable(t, err)
	}
	resolved, _ := image(t)
	garbage := filepath.Join(t.TempDir(), "initramfs")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no archive", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, initrd := range map[string]string{"no initramfs": "", "a broken initramfs": garbage} {
		t.Run(name, func(t *testing.T) {
			vm, err := qemu.Start(t.Context(), qemu.Config{Vmlinux: resolved.Vmlinux, Image: resolved.Image, Initrd: initrd})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { vm.Stop(context.Background()) })
			(&guest{VM: vm, t: t}).await()
			var failed *qemu.BootError
			if err := vm.Err(); !errors.As(err, &failed) || !strings.Contains(err.Error(), "Unable to mount root fs") {
				t.Errorf("Err() = %v, want a BootError that says why", err)
			}
		})
	}
}

func TestFilesThatQEMUCannotLoadAreOurFailure(t *testing.T) {
	if _, err := qemu.Find(t.Context(), ""); err != nil {
		vmtest.Unavailable(t, err)
	}
	resolved, _ := image(t)
	cut := filepath.Join(t.TempDir(), "vmlinux")
	whole, err := os.ReadFile(resolved.Image)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, whole[:100], 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		config qemu.Config
		why    string
	}{
		"a kernel that is cut short":     {qemu.Config{Image: cut}, "invalid kernel header"},
		"a kernel that is not there":     {qemu.Config{Image: cut + "-gone"}, cut + "-gone"},
		"an initramfs that is not there": {qemu.Config{Image: resolved.Image, Initrd: cut + "-gone"}, cut + "-gone"},
	} {
		t.Run(name, func(t *testing.T) {
			vm, err := qemu.Start(t.Context(), c.config)
			var ours *qemu.InfraError
			if !errors.As(err, &ours) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), c.why) {
				t.Errorf("got %v, want an InfraError of one line with %q", err, c.why)
			}
			if vm != nil {
				vm.Stop(context.Background())
			}
		})
	}
}
