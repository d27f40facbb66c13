package attach

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/disk"
)

// loopTries is how many devices are tried that somebody else takes in the moment between being found free and being configured.
const loopTries = 16

// openLoop attaches the disk to a loop device on a file that FUSE serves. The device's direct I/O to the file is asynchronous, so that what
// is held stops nothing else.
func openLoop(d *disk.Disk) (*Device, error) {
	fuse, err := mountFUSE(d)
	if err != nil {
		return nil, err
	}
	path, err := attachLoop(fuse.mount.Path)
	if err != nil {
		return nil, errors.Join(err, fuse.close())
	}
	return &Device{Path: path, detach: func() error { return errors.Join(detachLoop(path), fuse.close()) }}, nil
}

// attachLoop puts a loop device on a file.
func attachLoop(path string) (string, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return "", &UnavailableError{fmt.Sprintf("the kernel has no loop devices: %v", err)}
	}
	defer control.Close()
	// Not by os.OpenFile: it asks the kernel whether the file can be polled, in a call that Go's scheduler does not know to block, and the kernel
	// asks us.
	file, err := unix.Open(path, unix.O_RDWR|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("open the disk's file: %w", err)
	}
	defer unix.Close(file)
	// Older kernels (6.12) take the device's size from the inode, which with FUSE is 0 until somebody asks; newer ones ask (get_loop_size → i_size_read;
	// lo_calculate_size → vfs_getattr_nosec).
	var st unix.Stat_t
	if err := unix.Fstat(file, &st); err != nil {
		return "", fmt.Errorf("ask for the size of the disk's file: %w", err)
	}
	for range loopTries {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return "", fmt.Errorf("find a free loop device: %w", err)
		}
		node := fmt.Sprintf("/dev/loop%d", n)
		if err := configureLoop(node, file); err == nil || !errors.Is(err, unix.EBUSY) {
			return node, err
		}
	}
	return "", fmt.Errorf("find a free loop device: others took %d of them", loopTries)
}

// configureLoop has the device stand on the file, with direct I/O.
func configureLoop(node string, file int) error {
	dev, err := os.OpenFile(node, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", node, err)
	}
	defer dev.Close()
	config := unix.LoopConfig{Fd: uint32(file), Size: sector, Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_DIRECT_IO}}
	if err := unix.IoctlLoopConfigure(int(dev.Fd()), &config); err != nil {
		return fmt.Errorf("configure %s: %w", node, err)
	}
	info, err := unix.IoctlLoopGetStatus64(int(dev.Fd()))
	if err == nil && info.Flags&unix.LO_FLAGS_DIRECT_IO == 0 {
		err = errors.New("the kernel refuses direct I/O to the file")
	}
	if err != nil {
		return errors.Join(fmt.Errorf("configure %s: %w", node, err), clearLoop(dev))
	}
	return nil
}

func detachLoop(node string) error {
	dev, err := os.OpenFile(node, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("detach %s: %w", node, err)
	}
	defer dev.Close()
	return clearLoop(dev)
}

func clearLoop(dev *os.File) error {
	if err := unix.IoctlSetInt(int(dev.Fd()), unix.LOOP_CLR_FD, 0); err != nil {
		return fmt.Errorf("detach %s: %w", dev.Name(), err)
	}
	return nil
}
