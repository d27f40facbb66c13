package host

import (
	"context"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/blockdev"
	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/operate"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// programmable is the disk as the interpreter operates it.
type programmable struct {
	operate.Operator
	timeline *timeline
	device   string
	limit    time.Duration // for requests to be held
}

// deviceDepth is how many requests the devices of harness/attach have under way at a time (the default of loop and nbd).
const deviceDepth = 128

var _ exec.Disk = (*programmable)(nil)

// Hold holds requests.
func (p *programmable) Hold(_ context.Context, op prog.Op) error { return p.CarryOut(op) }

// Release lets requests go.
func (p *programmable) Release(_ context.Context, op prog.Op) error { return p.CarryOut(op) }

// Fail has requests answered with an errno.
func (p *programmable) Fail(_ context.Context, op prog.Op) error { return p.CarryOut(op) }

// Record switches the recording of requests.
func (p *programmable) Record(_ context.Context, on bool) error {
	p.timeline.record(on)
	return nil
}

// AwaitHeld waits until n requests are held.
func (p *programmable) AwaitHeld(ctx context.Context, n int64) error {
	ctx, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()
	if _, err := p.Disk.AwaitHeld(ctx, int(n)); err != nil {
		return &exec.NotProvokedError{Why: err.Error()}
	}
	return nil
}

// Heal makes the disk an honest one.
func (p *programmable) Heal(context.Context) error {
	operate.Heal(p.Disk)
	return nil
}

// Settle reads from the device's end, past every hold: the kernel sends requests in their order. A device full of what is held would not
// get to it, and is as settled as it gets.
func (p *programmable) Settle(ctx context.Context) (int64, error) {
	if len(p.Disk.Held()) < deviceDepth {
		if err := blockdev.Fence(ctx, p.device); err != nil {
			return 0, err
		}
	}
	return p.timeline.asked(), nil
}
