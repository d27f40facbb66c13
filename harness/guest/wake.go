package guest

import (
	"encoding/binary"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// wake sets a clone's clock and seeds its random numbers. The monotonic clock goes on from the snapshot, by which nothing is lost: only
// differences of it are of interest.
func wake(w wire.Wake) error {
	now := unix.NsecToTimespec(w.Realtime)
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &now); err != nil {
		return fmt.Errorf("set the clock: %w", err)
	}
	if err := reseed(w.Entropy); err != nil {
		return fmt.Errorf("seed random numbers: %w", err)
	}
	return nil
}

// reseed mixes entropy into the kernel's pool, counts it as such, and makes every processor's generator begin anew from the pool.
func reseed(entropy []byte) error {
	urandom, err := os.OpenFile("/dev/urandom", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer urandom.Close()
	// struct rand_pool_info: entropy_count in bits, buf_size in bytes, buf.
	info := binary.NativeEndian.AppendUint32(nil, uint32(8*len(entropy)))
	info = binary.NativeEndian.AppendUint32(info, uint32(len(entropy)))
	info = append(info, entropy...)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, urandom.Fd(), unix.RNDADDENTROPY, uintptr(unsafe.Pointer(&info[0]))); errno != 0 {
		return fmt.Errorf("add entropy: %w", errno)
	}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, urandom.Fd(), unix.RNDRESEEDCRNG, 0); errno != 0 {
		return fmt.Errorf("reseed: %w", errno)
	}
	return nil
}
