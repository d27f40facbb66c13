package guest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// checkDAX finds out whether the mounted file system really has no page cache: a mount without DAX answers every program too, and
// shows something else. It looks at all that there is to see; an *unsupportedError says what is missing.
func checkDAX(device string) error {
	path := filepath.Join(mountPoint, ".dax")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make a file to see whether it is DAX: %w", err)
	}
	var missing []string
	for _, look := range []func() (string, error){
		daxOption, func() (string, error) { return daxAttribute(f) }, func() (string, error) { return storeReaches(device, f) },
	} {
		why, fault := look()
		err = errors.Join(err, fault)
		if why != "" {
			missing = append(missing, why)
		}
	}
	err = errors.Join(err, f.Close(), os.Remove(path))
	unix.Sync()
	if err == nil && len(missing) > 0 {
		return &unsupportedError{Reason: "the mount is not DAX: " + strings.Join(missing, "; ")}
	}
	return err
}

// daxOption looks for the option in the mount table: a file system that cannot do DAX on this device drops it, and says so on the
// console alone.
func daxOption() (missing string, err error) {
	table, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "", fmt.Errorf("read the mount table: %w", err)
	}
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[1] != mountPoint {
			continue
		}
		options := strings.Split(fields[3], ",")
		if slices.Contains(options, "dax=always") || slices.Contains(options, "dax") {
			return "", nil
		}
		return "its options are " + fields[3], nil
	}
	return "", fmt.Errorf("find %s in the mount table: it is not there", mountPoint)
}

// daxAttribute asks whether the file is accessed by DAX.
func daxAttribute(f *os.File) (missing string, err error) {
	var st unix.Statx_t
	if err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS, &st); err != nil {
		return "", fmt.Errorf("ask whether a file is DAX: %w", err)
	}
	if st.Attributes_mask&unix.STATX_ATTR_DAX == 0 || st.Attributes&unix.STATX_ATTR_DAX == 0 {
		return "statx does not call its files DAX", nil
	}
	return "", nil
}

// storeReaches stores through a mapping of the file and looks, without a sync, for the bytes on the device.
func storeReaches(device string, f *os.File) (missing string, err error) {
	block := bytes.Repeat([]byte{0x11}, os.Getpagesize())
	if _, err := f.Write(block); err != nil {
		return "", fmt.Errorf("write a file to see whether it is DAX: %w", err)
	}
	if err := f.Sync(); err != nil {
		return "", fmt.Errorf("write a file to see whether it is DAX: %w", err)
	}
	at, err := firstByte(f)
	if err != nil {
		return "", err
	}
	m, err := unix.Mmap(int(f.Fd()), 0, len(block), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return "", fmt.Errorf("map a file to see whether it is DAX: %w", err)
	}
	defer unix.Munmap(m)
	for i := range m {
		m[i] = byte(i*7 + 3)
	}
	seen, err := readDevice(device, at, len(m))
	if err != nil {
		return "", err
	}
	if !bytes.Equal(seen, m) {
		return "a store through a mapping is not on " + device + " before it is synced", nil
	}
	return "", nil
}

// readDevice reads the device past its page cache.
func readDevice(device string, at int64, n int) ([]byte, error) {
	fd, err := unix.Open(device, unix.O_RDONLY|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", device, err)
	}
	defer unix.Close(fd)
	buf, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("get memory to read %s: %w", device, err)
	}
	defer unix.Munmap(buf)
	if _, err := unix.Pread(fd, buf, at); err != nil {
		return nil, fmt.Errorf("read %s at %d: %w", device, at, err)
	}
	return bytes.Clone(buf), nil
}

// fiemap is struct fiemap with one struct fiemap_extent (linux/fiemap.h).
type fiemap struct {
	start, length                 uint64
	flags, mapped, count, _       uint32
	logical, physical, extentSize uint64
	_                             [2]uint64
	extentFlags                   uint32
	_                             [3]uint32
}

// fsIocFiemap is FS_IOC_FIEMAP: _IOWR('f', 11, struct fiemap).
const fsIocFiemap = 0xc020660b

// firstByte is where on the device the file begins.
func firstByte(f *os.File) (int64, error) {
	m := fiemap{length: 1 << 62, count: 1}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), fsIocFiemap, uintptr(unsafe.Pointer(&m))); errno != 0 {
		return 0, fmt.Errorf("ask where a file stands: %w", errno)
	}
	if m.mapped == 0 {
		return 0, errors.New("ask where a file stands: it has no extent")
	}
	return int64(m.physical), nil
}
