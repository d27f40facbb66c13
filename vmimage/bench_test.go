package vmimage_test

import (
	"context"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
	"github.com/iomapcheck/iomapcheck/vmimage/vmtest"
)

// BenchmarkBoot measures from the start of QEMU to the guest's first word on the control port, in a machine with one disk.
func BenchmarkBoot(b *testing.B) {
	if _, err := qemu.Find(b.Context(), ""); err != nil {
		vmtest.Unavailable(b, err)
	}
	resolved, built := image(b)
	var total time.Duration
	for b.Loop() {
		g := start(b, qemu.Config{Vmlinux: resolved.Vmlinux, Image: resolved.Image, Initrd: built.Path})
		total += g.booted
		g.Stop(context.Background())
		b.Log(g.booted)
	}
	b.ReportMetric(total.Seconds()/float64(b.N), "s/boot")
}
