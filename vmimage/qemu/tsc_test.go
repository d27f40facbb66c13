package qemu

import (
	"strings"
	"testing"
	"time"
)

func TestTheCountersFrequencyIsTheSameWheneverItIsMeasured(t *testing.T) {
	if !hasTSC {
		t.Skip("this processor has no time stamp counter")
	}
	long := measureTSC(200 * time.Millisecond)
	for range 5 {
		short := measureTSC(2 * time.Millisecond)
		if short < long-long/200 || short > long+long/200 {
			t.Errorf("%d kHz in 2 ms, %d kHz in 200 ms", short, long)
		}
	}
}

func TestOnlyAnEmulatedGuestIsToldTheFrequencyAndNoSnapshotDependsOnIt(t *testing.T) {
	config := Config{Binary: &Binary{Path: "qemu", Qboot: true}, Vmlinux: "vmlinux"}
	for accel, want := range map[Accel]bool{TCG: hasTSC, KVM: false} {
		config.Accel = accel
		if got := len(config.tscCmdline()) != 0; got != want {
			t.Errorf("%s: told %v, want %v", accel, got, want)
		}
		config.clock = config.tscCmdline()
		if strings.Contains(strings.Join(config.Identity(), " "), "tsc_early_khz=") {
			t.Errorf("%s: two measurements would give two snapshots", accel)
		}
	}
}
