package guest

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// fence reads the device's end directly.
func fence(device string) error {
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
	buf, err := unix.Mmap(-1, 0, wire.FenceSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return fmt.Errorf("let %s settle: get memory: %w", device, err)
	}
	defer unix.Munmap(buf)
	if _, err := unix.Pread(fd, buf, end-wire.FenceSize); err != nil {
		return fmt.Errorf("let %s settle: %w", device, err)
	}
	return nil
}
