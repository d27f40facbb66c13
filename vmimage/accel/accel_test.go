package accel

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

// openable is a file that stands for a KVM device that opens.
func openable(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kvm")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWithoutTheDeviceItIsTCGAtOnceAndNotRemembered(t *testing.T) {
	prober := Prober{Cache: cache.Dir(t.TempDir()), Device: "/nowhere/kvm", Binary: &qemu.Binary{Path: "/nowhere/qemu"}}
	choice, err := prober.Choose(t.Context())
	if err != nil || choice.Accel != qemu.TCG || !strings.Contains(choice.Reason, "no KVM: open /nowhere/kvm") {
		t.Errorf("Choose = %+v, %v", choice, err)
	}
	if names, _ := prober.Cache.Entries("accel"); len(names) != 0 {
		t.Errorf("remembered %v: the device may appear", names)
	}
}

func TestABootThatFailsIsTCGWithTheReasonAndRemembered(t *testing.T) {
	prober := Prober{Cache: cache.Dir(t.TempDir()), Device: openable(t), Binary: &qemu.Binary{Path: "/bin/false", Version: "1"}}
	first, err := prober.Choose(t.Context())
	if err != nil || first.Accel != qemu.TCG || first.Cached || !strings.Contains(first.Reason, "KVM does not work") {
		t.Errorf("Choose = %+v, %v", first, err)
	}
	second, err := prober.Choose(t.Context())
	if err != nil || !second.Cached || second.Reason != first.Reason {
		t.Errorf("again: %+v, %v", second, err)
	}
	prober.Binary = &qemu.Binary{Path: "/bin/false", Version: "2"}
	if other, err := prober.Choose(t.Context()); err != nil || other.Cached {
		t.Errorf("another QEMU: %+v, %v, want a new probe", other, err)
	}
}

func TestAMemoryThatIsBrokenIsForgotten(t *testing.T) {
	prober := Prober{Cache: cache.Dir(t.TempDir()), Device: openable(t), Binary: &qemu.Binary{Path: "/bin/false"}}
	if _, err := prober.Choose(t.Context()); err != nil {
		t.Fatal(err)
	}
	names, err := prober.Cache.Entries("accel")
	if err != nil || len(names) != 1 {
		t.Fatalf("entries %v, %v", names, err)
	}
	if err := os.Truncate(prober.Cache.Path("accel", names[0]), 0); err != nil {
		t.Fatal(err)
	}
	if choice, err := prober.Choose(t.Context()); err == nil {
		t.Errorf("an empty memory was believed: %+v", choice)
	}
	if choice, err := prober.Choose(t.Context()); err != nil || choice.Cached {
		t.Errorf("afterwards: %+v, %v, want a new probe", choice, err)
	}
}

func TestACancelledProbeDecidesNothing(t *testing.T) {
	prober := Prober{Cache: cache.Dir(t.TempDir()), Device: openable(t), Binary: &qemu.Binary{Path: "/bin/false"}}
	ctx := cancelled(t)
	if choice, err := prober.Choose(ctx); err == nil {
		t.Errorf("Choose = %+v", choice)
	}
	if names, _ := prober.Cache.Entries("accel"); len(names) != 0 {
		t.Errorf("remembered %v", names)
	}
}

func TestForceTakesTheUsersWord(t *testing.T) {
	for name, want := range map[string]qemu.Accel{"kvm": qemu.KVM, "tcg": qemu.TCG} {
		if choice, err := Force(name); err != nil || choice.Accel != want {
			t.Errorf("Force(%s) = %+v, %v", name, choice, err)
		}
	}
	if _, err := Force("hvf"); err == nil || !strings.Contains(err.Error(), "want kvm or tcg") {
		t.Errorf("Force(hvf): %v", err)
	}
}

func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
