package vmimage_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/accel"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
	"github.com/iomapcheck/iomapcheck/vmimage/vmtest"
)

func TestAPanicIsABootErrorThatQuotesIt(t *testing.T) {
	g := boot(t, qemu.Config{})
	g.send("sysrq c")
	g.await()
	var failed *qemu.BootError
	if err := g.Err(); !errors.As(err, &failed) || !strings.Contains(err.Error(), "sysrq triggered crash") {
		t.Errorf("Err() = %v, want a BootError with the panic's text", err)
	}
	if !strings.Contains(g.ConsoleTail(), "sysrq_handle_crash") {
		t.Errorf("console lacks the call trace:\n%s", g.ConsoleTail())
	}
}

func TestAPowerOffByTheGuestIsABootError(t *testing.T) {
	g := boot(t, qemu.Config{})
	g.send("poweroff")
	g.await()
	var failed *qemu.BootError
	if err := g.Err(); !errors.As(err, &failed) || failed.Reason != "guest-shutdown" {
		t.Errorf("Err() = %v, want guest-shutdown", err)
	}
}

func TestStopEndsASpinningGuestAndIsNoError(t *testing.T) {
	g := boot(t, qemu.Config{})
	g.send("spin")
	for range 2 {
		g.Stop(context.Background())
		if err := g.Err(); err != nil {
			t.Errorf("Err() after Stop = %v", err)
		}
	}
	if _, err := g.Control.Write([]byte("x")); err == nil {
		t.Error("Control still works after Stop")
	}
}

func TestDiagnoseFindsTheLoopOfASpinningGuest(t *testing.T) {
	g := boot(t, qemu.Config{})
	g.send("spin")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	began := time.Now()
	report := g.Diagnose(ctx)
	t.Logf("%v\n%s", time.Since(began), report)
	for _, want := range []string{"RIP=", "sysrq: Show backtrace of all active CPUs", "Show Blocked State"} {
		if !strings.Contains(report, want) {
			t.Errorf("report lacks %q", want)
		}
	}
}

func TestAnNMIMakesTheKernelPanicWithABacktrace(t *testing.T) {
	g := boot(t, qemu.Config{})
	g.send("spin")
	if err := g.QMP(t.Context(), "inject-nmi", nil, nil); err != nil {
		t.Fatal(err)
	}
	g.await()
	if err := g.Err(); err == nil || !strings.Contains(err.Error(), "NMI: Not continuing") || !strings.Contains(g.ConsoleTail(), "RIP: ") {
		t.Errorf("Err() = %v; console:\n%s", err, g.ConsoleTail())
	}
}

func TestAccelerationIsChosenByBootingAndRemembered(t *testing.T) {
	binary, err := qemu.Find(t.Context(), "")
	if err != nil {
		vmtest.Unavailable(t, err)
	}
	resolved, _ := image(t)
	prober := accel.Prober{Cache: "", Binary: binary, Vmlinux: resolved.Vmlinux, Image: resolved.Image}
	prober.Cache = cache.Dir(t.TempDir())
	began := time.Now()
	first, err := prober.Choose(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v after %v", first, time.Since(began))
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("probe took %v", took)
	}
	second, err := prober.Choose(t.Context())
	if err != nil || second.Accel != first.Accel {
		t.Fatalf("second choice %+v, %v", second, err)
	}
	t.Logf("%+v", second)
}
