package attach

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/disk"
)

const size = 64 << 20

// attached is a disk attached in each way that this machine has. A way that it lacks is skipped; a machine that lacks all of them fails the test
// where IOMAPCHECK_REQUIRE_DISK is set.
func attached(t *testing.T, test func(t *testing.T, d *disk.Disk, dev *Device)) {
	t.Helper()
	tried := 0
	for _, way := range Ways() {
		t.Run(way, func(t *testing.T) {
			d := disk.New(size)
			defer d.Close()
			dev, err := Open(t.Context(), d, way)
			var unavailable *UnavailableError
			if errors.As(err, &unavailable) {
				t.Skip(err) // this way alone, and err says what this machine lacks for it; that one of them works is asked for below
			}
			if err != nil {
				t.Fatal(err)
			}
			tried++
			defer func() { // also after a test that gave up: the device would stay attached
				if err := dev.Close(); err != nil {
					t.Error(err)
				}
			}()
			test(t, d, dev)
		})
	}
	switch {
	case tried > 0 || t.Failed():
	case os.Getenv("IOMAPCHECK_REQUIRE_DISK") != "":
		t.Error("no way to attach a disk, but IOMAPCHECK_REQUIRE_DISK is set")
	default:
		t.Skip("no way to attach a disk here")
	}
}

// direct opens the device past its page cache. The caller closes it, before the device is detached.
func direct(t *testing.T, dev *Device) int {
	t.Helper()
	fd, err := unix.Open(dev.Path, unix.O_RDWR|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// aligned is memory that direct I/O takes.
func aligned(n int, fill byte) []byte {
	buf := make([]byte, n+4096)
	off := int(-uintptr(unsafe.Pointer(&buf[0]))) & 4095
	return append(buf[off:off:off+n], bytes.Repeat([]byte{fill}, n)...)
}

func TestWhatIsWrittenIsOnTheDiskAndCanBeRead(t *testing.T) {
	attached(t, func(t *testing.T, d *disk.Disk, dev *Device) {
		fd := direct(t, dev)
		defer unix.Close(fd)
		for off, n := range map[int64]int{0: 512, 4096: 64 << 10, 8 << 20: 3 << 20, size - 4096: 4096} {
			want := aligned(n, byte(off>>12)+1)
			if _, err := unix.Pwrite(fd, want, off); err != nil {
				t.Fatalf("write %d at %d: %v", n, off, err)
			}
			seen := make([]byte, n)
			if _, err := d.ReadAt(seen, off); err != nil || !bytes.Equal(seen, want) {
				t.Errorf("%d at %d: the disk has something else: %v", n, off, err)
			}
			got := aligned(n, 0)
			if _, err := unix.Pread(fd, got, off); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d at %d: read something else: %v", n, off, err)
			}
		}
		if err := unix.Fsync(fd); err != nil {
			t.Error(err)
		}
		if !asked(d, disk.OpFlush) {
			t.Error("fsync of the device did not flush the disk")
		}
	})
}

func asked(d *disk.Disk, op disk.Op) bool {
	for _, e := range d.Recent() {
		if e.Op == op && e.What == disk.Answered {
			return true
		}
	}
	return false
}

// A held write must hold up nothing but itself.
func TestAHeldWriteStopsNeitherReadsNorOtherWrites(t *testing.T) {
	attached(t, func(t *testing.T, d *disk.Disk, dev *Device) {
		fd := direct(t, dev)
		defer unix.Close(fd)
		d.Hold(disk.Match{Ops: disk.Writes, Ranges: []disk.Range{{Off: 0, End: 1 << 20}}})
		written := make(chan error, 1)
		go func() {
			_, err := unix.Pwrite(fd, aligned(4096, 'n'), 0)
			written <- err
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := d.AwaitHeld(ctx, 1); err != nil {
			t.Fatal(err)
		}
		got := aligned(4096, 'x')
		if _, err := unix.Pread(fd, got, 0); err != nil || got[0] != 0 {
			t.Errorf("read beside a held write: %q, %v, want what was there before", got[0], err)
		}
		if _, err := unix.Pwrite(fd, aligned(4096, 'm'), 2<<20); err != nil {
			t.Errorf("write beside a held write: %v", err)
		}
		select {
		case err := <-written:
			t.Errorf("the held write returned: %v", err)
		default:
		}
		d.Release(disk.All())
		if err := <-written; err != nil {
			t.Error(err)
		}
	})
}

func TestARefusedRequestFails(t *testing.T) {
	attached(t, func(t *testing.T, d *disk.Disk, dev *Device) {
		fd := direct(t, dev)
		defer unix.Close(fd)
		d.Fail(disk.Match{Ops: disk.Writes}, disk.EIO, 1)
		if _, err := unix.Pwrite(fd, aligned(4096, 'n'), 0); err != unix.EIO {
			t.Errorf("got %v, want EIO", err)
		}
		if _, err := unix.Pwrite(fd, aligned(4096, 'n'), 0); err != nil {
			t.Errorf("the next one: %v", err)
		}
	})
}

func TestAnUnknownWayIsAnError(t *testing.T) {
	if _, err := Open(t.Context(), nil, "ublk"); err == nil {
		t.Error("no error")
	}
}
