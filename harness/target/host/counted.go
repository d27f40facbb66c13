package host

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// errNoDisk is the answer to what takes the programmable disk; folder.lacks has said so before.
var errNoDisk = errors.New("the folder's disk cannot be programmed")

// counted is a disk that does what it wants and counts: a folder's.
type counted struct{ stat string }

func (counted) Hold(context.Context, prog.Op) error    { return errNoDisk }
func (counted) AwaitHeld(context.Context, int64) error { return errNoDisk }
func (counted) Release(context.Context, prog.Op) error { return nil }
func (counted) Fail(context.Context, prog.Op) error    { return errNoDisk }
func (counted) Record(context.Context, bool) error     { return nil }
func (counted) Heal(context.Context) error             { return nil }

// settleLimit bounds the wait for a device that others keep busy.
const settleLimit = 2 * time.Second

// Settle waits until nothing is under way at the device, and counts what it has done. One that never rests gives a new number each time,
// by which nobody is taken for asleep for good.
func (c counted) Settle(ctx context.Context) (int64, error) {
	limit := time.Now().Add(settleLimit)
	for {
		done, underWay := c.read()
		if underWay == 0 || time.Now().After(limit) {
			return done, nil
		}
		select {
		case <-ctx.Done():
			return done, context.Cause(ctx)
		case <-time.After(time.Millisecond):
		}
	}
}

// read takes from the device's counters how many requests it has answered and how many are under way (Documentation/block/stat.rst). A file
// system without a device has neither.
func (c counted) read() (done, underWay int64) {
	text, err := os.ReadFile(c.stat)
	if err != nil {
		return 0, 0
	}
	for i, field := range strings.Fields(string(text)) {
		n, _ := strconv.ParseInt(field, 10, 64)
		switch i {
		case 0, 4, 11, 15: // reads, writes, discards, flushes
			done += n
		case 8:
			underWay = n
		}
	}
	return done, underWay
}
