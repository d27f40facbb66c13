//go:build linux

package fsys

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

// extent is struct fiemap_extent of linux/fiemap.h, in bytes.
type extent struct {
	logical, physical, length int64
	flags                     uint32
}

func (e extent) end() int64 { return e.logical + e.length }

// fsIocFiemap is FS_IOC_FIEMAP of linux/fs.h: _IOWR('f', 11, struct fiemap).
const fsIocFiemap = 0xC020660B

// Sizes of struct fiemap and struct fiemap_extent, and how many extents are asked for at once.
const (
	fiemapSize       = 32
	fiemapExtentSize = 56
	fiemapBatch      = 128
)

// Flags of struct fiemap_extent.
const (
	extentLast      = 1 << 0
	extentUnknown   = 1 << 1
	extentDelalloc  = 1 << 2
	extentEncoded   = 1 << 3
	extentEncrypted = 1 << 7
	extentNotAlign  = 1 << 8
	extentInline    = 1 << 9
	extentTail      = 1 << 10
	extentUnwritten = 1 << 11
	extentShared    = 1 << 13
)

// fiemap gives the extents that touch [off, off+n), without FIEMAP_FLAG_SYNC.
func fiemap(fd int, off, n int64) ([]extent, error) {
	var out []extent
	for end := off + n; off < end; {
		batch, err := fiemapOnce(fd, off, end-off)
		if err != nil {
			return nil, err
		}
		if len(batch) == 0 {
			break
		}
		out = append(out, batch...)
		last := batch[len(batch)-1]
		if last.flags&extentLast != 0 || last.end() <= off {
			break
		}
		off = last.end()
	}
	return out, nil
}

func fiemapOnce(fd int, off, n int64) ([]extent, error) {
	// Eight-byte words, for the kernel's alignment.
	words := make([]uint64, (fiemapSize+fiemapBatch*fiemapExtentSize)/8)
	buf := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), len(words)*8)
	binary.NativeEndian.PutUint64(buf[0:], uint64(off))
	binary.NativeEndian.PutUint64(buf[8:], uint64(n))
	binary.NativeEndian.PutUint32(buf[24:], fiemapBatch)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), fsIocFiemap, uintptr(unsafe.Pointer(&words[0]))); errno != 0 {
		return nil, errno
	}
	mapped := min(binary.NativeEndian.Uint32(buf[20:]), fiemapBatch)
	out := make([]extent, mapped)
	for i := range out {
		out[i] = decodeExtent(buf[fiemapSize+i*fiemapExtentSize:])
	}
	return out, nil
}

func decodeExtent(b []byte) extent {
	return extent{
		logical:  int64(binary.NativeEndian.Uint64(b[0:])),
		physical: int64(binary.NativeEndian.Uint64(b[8:])),
		length:   int64(binary.NativeEndian.Uint64(b[16:])),
		flags:    binary.NativeEndian.Uint32(b[40:]),
	}
}

// place cuts the extents to [off, off+n) and refuses what has no place.
//
//	extents   [--------)[--)    [-----)
//	asked          [---------------)
//	result         [----)[--)hole        → error: [hole)
func place(extents []extent, off, n int64) ([]Range, error) {
	var out []Range
	end := off + n
	for _, e := range extents {
		if e.end() <= off || e.logical >= end {
			continue
		}
		if e.logical > off {
			return nil, &ExtentError{off, e.logical - off, "it is a hole"}
		}
		length := min(e.end(), end) - off
		if reason := placeless(e.flags); reason != "" {
			return nil, &ExtentError{off, length, reason}
		}
		out = append(out, Range{
			File: off, Disk: e.physical + off - e.logical, Len: length,
			Unwritten: e.flags&extentUnwritten != 0, Shared: e.flags&extentShared != 0,
		})
		off += length
	}
	if off < end {
		return nil, &ExtentError{off, end - off, "it is a hole, or past the end of the file"}
	}
	return out, nil
}

// placeless says why an extent with these flags has no place on the device; "" if it has one. The first reason is the plainest:
// delayed allocation is unknown as well, inline data not aligned as well, encrypted data encoded as well.
func placeless(flags uint32) string {
	for _, r := range []struct {
		flag   uint32
		reason string
	}{
		{extentDelalloc, "its blocks are not allocated yet (fsync first)"},
		{extentUnknown, "the file system does not say where it is"},
		{extentInline, "it is inside the inode"},
		{extentTail, "it is packed with other files' data"},
		{extentEncrypted, "it is encrypted"},
		{extentEncoded, "it is compressed or otherwise encoded"},
		{extentNotAlign, "it does not begin at a block"},
	} {
		if flags&r.flag != 0 {
			return r.reason
		}
	}
	return ""
}
