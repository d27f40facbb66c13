package blockdev

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// nudgeEvery is how long a fence may take before another one is read beside it. QEMU 7.2's NBD client can keep an answer to itself while it
// waits for that to a flush, until something else is asked: seen with gfs2, whose log flush waits for the blocks before it.
const nudgeEvery = 200 * time.Millisecond

// nudges is how many reads are made for one fence; none is asked for again then, but their answers are awaited.
const nudges = 50

// Fence reads the device's end directly. It returns once the read has been answered that was made first, or a later one, which says as much.
// It waits as long as ctx does: a kernel whose device answers nobody hangs, and the program's limit says so.
func Fence(ctx context.Context, device string) error {
	read := make(chan error, nudges)
	tick := time.NewTicker(nudgeEvery)
	defer tick.Stop()
	ask := func() { read <- readEnd(device) }
	go ask()
	asked := 1
	for {
		select {
		case err := <-read:
			return err
		case <-ctx.Done():
			return fmt.Errorf("let %s settle: none of %d reads was answered: %w", device, asked, ctx.Err())
		case <-tick.C:
			if asked < nudges {
				go ask()
				asked++
			}
		}
	}
}

// FenceSize is the size of the device's end, in bytes, that a fence reads. What holds requests, or refuses them, leaves alone those that lie in it.
const FenceSize = 4096

// quietFor is how long a program has nothing to tell before the device is nudged.
const quietFor = 500 * time.Millisecond

// Nudge reads the device's end whenever the program has told nothing for a while, until ctx ends: what QEMU keeps to itself would be taken
// for a kernel that hangs. heard counts what the program tells.
func Nudge(ctx context.Context, device string, heard *atomic.Int64) {
	tick := time.NewTicker(quietFor)
	defer tick.Stop()
	waiting := make(chan struct{}, nudges) // reads under way, which a device that answers nobody keeps
	for last := int64(-1); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if now := heard.Load(); now != last {
			last = now
			continue
		}
		select {
		case waiting <- struct{}{}:
			go func() {
				_ = readEnd(device) // what comes of it is of no interest
				<-waiting
			}()
		default:
		}
	}
}

func readEnd(device string) error {
	fd, err := unix.Open(device, unix.O_RDONLY|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("let %s settle: %w", device, err)
	}
	defer unix.Close(fd)
	end, err := unix.Seek(fd, 0, unix.SEEK_END)
	if err != nil {
		return fmt.Errorf("let %s settle: %w", device, err)
	}
	// Direct I/O wants aligned memory, which a mapping is.
	buf, err := unix.Mmap(-1, 0, FenceSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return fmt.Errorf("let %s settle: get memory: %w", device, err)
	}
	defer unix.Munmap(buf)
	if _, err := unix.Pread(fd, buf, end-FenceSize); err != nil {
		return fmt.Errorf("let %s settle: %w", device, err)
	}
	return nil
}
