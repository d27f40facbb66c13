//go:build linux

package fsys

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Range is where a piece of a file is on the device that its file system is mounted from. All in bytes.
type Range struct {
	File int64 // position in the file
	Disk int64 // position on the device
	Len  int64
	// Unwritten: the place is reserved; a read does not go there, a direct write does.
	Unwritten bool
	// Shared: other files use the place too; a write goes elsewhere.
	Shared bool
}

func (r Range) String() string {
	return fmt.Sprintf("file [%#x, %#x) at disk [%#x, %#x)", r.File, r.File+r.Len, r.Disk, r.Disk+r.Len)
}

// ExtentError says that a piece of a file has no place on the device that could be named.
type ExtentError struct {
	Off, Len int64 // the piece, in the file
	Reason   string
}

func (e *ExtentError) Error() string {
	return fmt.Sprintf("find file range [%#x, %#x) on the device: %s", e.Off, e.Off+e.Len, e.Reason)
}

// FileRanges says where n bytes of a file from off are, in the file's order and without a gap. On btrfs a piece that is kept twice (profile
// DUP) comes once for each copy, and asking needs CAP_SYS_ADMIN.
//
// Nothing is flushed: data that was never written back has no place yet (fsync first). A hole, delayed allocation, and data that is
// inline, compressed or encrypted are an *ExtentError; a btrfs of several devices or striped is one as well.
//
// It is where the data is now. A copy-on-write file system (btrfs unless nodatacow, shared extents of xfs) writes elsewhere.
// Source: ioctl_fiemap in fs/ioctl.c, Documentation/filesystems/fiemap.rst.
func FileRanges(fd int, off, n int64) ([]Range, error) {
	if off < 0 || n <= 0 || off+n < 0 {
		return nil, fmt.Errorf("find file range: [%d, %d+%d) is none", off, off, n)
	}
	extents, err := fiemap(fd, off, n)
	if err != nil {
		return nil, fmt.Errorf("find file range [%#x, %#x) on the device: %w", off, off+n, err)
	}
	ranges, err := place(extents, off, n)
	if err != nil {
		return nil, err
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return nil, fmt.Errorf("ask for the file system's type: %w", err)
	}
	if st.Type != unix.BTRFS_SUPER_MAGIC {
		return ranges, nil
	}
	chunks, err := readChunks(fd)
	if err != nil {
		return nil, fmt.Errorf("read the chunk tree: %w", err)
	}
	return physical(ranges, chunks)
}
