package attach

import (
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/disk"
)

// The requests of linux/nbd.h, and what the disk is told to be able to do.
const (
	nbdSetSock       = 0xab00
	nbdSetBlockSize  = 0xab01
	nbdDoIt          = 0xab03
	nbdClearSock     = 0xab04
	nbdSetSizeBlocks = 0xab07
	nbdDisconnect    = 0xab08
	nbdSetFlags      = 0xab0a

	// HAS_FLAGS, SEND_FLUSH, SEND_TRIM, SEND_WRITE_ZEROES. Without SEND_FUA it is what virtio-blk is, so that the same programs see the same
	// requests: what must be on the medium is written and flushed.
	nbdFlags = 1<<0 | 1<<2 | 1<<5 | 1<<6
)

// sector is the device's block size in bytes.
const sector = 512

// openNBD attaches the disk to the first nbd device that nobody uses.
func openNBD(ctx context.Context, d *disk.Disk) (*Device, error) {
	nodes, err := nbdNodes(ctx)
	if err != nil {
		return nil, err
	}
	for _, node := range nodes {
		if taken(node) || !free(node) {
			continue
		}
		f, err := os.OpenFile(node, os.O_RDWR, 0)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", node, err)
		}
		return connectNBD(ctx, d, f)
	}
	return nil, &UnavailableError{fmt.Sprintf("all of %d devices are in use", len(nodes))}
}

// nbdNodes lists the devices, having loaded the module if there are none.
func nbdNodes(ctx context.Context) ([]string, error) {
	nodes, err := filepath.Glob("/dev/nbd[0-9]*")
	if len(nodes) == 0 && err == nil {
		// Where there is no such module, there is no device, and that is what is said.
		_ = osexec.CommandContext(ctx, "modprobe", "nbd").Run()
		nodes, err = filepath.Glob("/dev/nbd[0-9]*")
	}
	nodes = wholeDisks(nodes)
	if len(nodes) == 0 && err == nil {
		return nil, &UnavailableError{"there is no /dev/nbd0: the kernel has no nbd (CONFIG_BLK_DEV_NBD), or its module is not loaded"}
	}
	return nodes, err
}

// wholeDisks leaves out partitions.
func wholeDisks(nodes []string) []string {
	var out []string
	for _, n := range nodes {
		if !strings.Contains(strings.TrimPrefix(filepath.Base(n), "nbd"), "p") {
			out = append(out, n)
		}
	}
	return out
}

// taken says whether a device is connected.
func taken(node string) bool {
	_, err := os.Stat(filepath.Join("/sys/block", filepath.Base(node), "pid"))
	return err == nil
}

// free says whether nobody has the device for himself, by a mount for example.
func free(node string) bool {
	f, err := os.OpenFile(node, os.O_RDWR|unix.O_EXCL, 0)
	if err != nil {
		return false
	}
	f.Close() // kept open, it would keep mkfs and mount from it
	return true
}

// connectNBD connects the device, which the caller has opened, to the disk.
func connectNBD(ctx context.Context, d *disk.Disk, f *os.File) (*Device, error) {
	s, err := serve(d)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	for _, set := range []struct {
		request uint
		value   int
	}{
		{nbdSetBlockSize, sector}, {nbdSetSizeBlocks, int(d.Size() / sector)}, {nbdSetFlags, nbdFlags}, {nbdSetSock, int(s.theirs.Fd())},
	} {
		if err := unix.IoctlSetInt(int(f.Fd()), set.request, set.value); err != nil {
			s.stop()
			return nil, errors.Join(fmt.Errorf("connect %s (ioctl %#x): %w", f.Name(), set.request, err), f.Close())
		}
	}
	n := &nbd{serving: s, control: f}
	n.doing.Go(n.doIt)
	if err := awaitSize(ctx, f.Name(), d.Size()); err != nil {
		return nil, errors.Join(err, n.detach())
	}
	return &Device{Path: f.Name(), detach: n.detach}, nil
}

// nbd is a connected device.
type nbd struct {
	serving *serving
	control *os.File
	doing   sync.WaitGroup
	err     error // of doIt; read once it has ended
}

// doIt lends the kernel a thread until the device is disconnected.
func (n *nbd) doIt() {
	if err := unix.IoctlSetInt(int(n.control.Fd()), nbdDoIt, 0); err != nil && err != unix.EPIPE {
		n.err = fmt.Errorf("serve %s: %w", n.control.Name(), err)
	}
}

func (n *nbd) detach() error {
	err := unix.IoctlSetInt(int(n.control.Fd()), nbdDisconnect, 0)
	if err == nil || err == unix.EINVAL { // EINVAL: it is disconnected
		err = nil
	}
	n.serving.stop()
	n.doing.Wait()
	_ = unix.IoctlSetInt(int(n.control.Fd()), nbdClearSock, 0) // there is none any more where the kernel has cleared it by itself
	return errors.Join(err, n.err, n.control.Close())
}

// attachLimit bounds the kernel's work of bringing a device up.
const attachLimit = 10 * time.Second

// awaitSize waits until the device has its size, which the kernel sets as it begins to serve.
func awaitSize(ctx context.Context, path string, size int64) error {
	ctx, cancel := context.WithTimeout(ctx, attachLimit)
	defer cancel()
	for {
		f, err := os.Open(path)
		if err == nil {
			end, seekErr := f.Seek(0, 2)
			f.Close()
			if seekErr == nil && end == size {
				return nil
			}
			err = fmt.Errorf("it has %d bytes, want %d", end, size)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", path, err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}
