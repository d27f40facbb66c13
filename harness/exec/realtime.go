package exec

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Of linux/fs.h, for which golang.org/x/sys has no names.
const (
	fsGetXattr    = 0x801c581f
	fsSetXattr    = 0x401c5820
	xflagRealtime = 0x1
)

// fsXattr is struct fsxattr.
type fsXattr struct {
	xflags, extentSize, extents, project, cowExtentSize uint32
	_                                                   [8]byte
}

// setRealtime has the file's data stand on the real-time device.
func setRealtime(fd int) error {
	var x fsXattr
	if err := xattrCall(fd, fsGetXattr, &x); err != nil {
		return err
	}
	x.xflags |= xflagRealtime
	return xattrCall(fd, fsSetXattr, &x)
}

func xattrCall(fd int, request uintptr, x *fsXattr) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(x))); errno != 0 {
		return errno
	}
	return nil
}
