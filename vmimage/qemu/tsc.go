package qemu

import (
	"fmt"
	"time"
)

// A guest under TCG sees the host's time stamp counter. It measures how fast that runs against an emulated timer, and on a busy host
// gets it wrong: one was seen to believe in 60 MHz where there were 2600, so that its every second took 23 ms and every limit in it was
// over at once. So it is told; the kernel takes tsc_early_khz since 5.12, and refines it by 1 % at most.

// tscCmdline tells the kernel the counter's frequency, which is measured here for as long as limits its error to a thousandth; nothing where the
// counter is not the guest's or there is none.
func (c *Config) tscCmdline() []string {
	if c.Accel != TCG || !hasTSC {
		return nil
	}
	return []string{fmt.Sprintf("tsc_early_khz=%d", measureTSC(2*time.Millisecond))}
}

// measureTSC is the counter's frequency in kHz over a span of time.
func measureTSC(span time.Duration) uint64 {
	from, began := stamp()
	for time.Since(began) < span {
	}
	to, ended := stamp()
	return (to - from) * uint64(time.Millisecond) / uint64(ended.Sub(began))
}

// stamp reads counter and clock together: of several pairs, the one whose counter readings around the clock's lie closest. Whoever is
// interrupted in between tries again.
func stamp() (tsc uint64, at time.Time) {
	best := ^uint64(0)
	for range 16 {
		before := rdtsc()
		now := time.Now()
		after := rdtsc()
		if d := after - before; d < best {
			best, tsc, at = d, before+d/2, now
		}
	}
	return tsc, at
}
