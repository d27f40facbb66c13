package disk

import "fmt"

// Errno is the error of an answer, by its number on the wire. The NBD protocol knows only the ones named here; clients turn
// any other into EINVAL.
type Errno uint32

// The errors of the NBD protocol; the numbers are Linux's. Zero is success.
const (
	EPERM     Errno = 1
	EIO       Errno = 5
	ENOMEM    Errno = 12
	EINVAL    Errno = 22
	ENOSPC    Errno = 28
	EOVERFLOW Errno = 75
	ENOTSUP   Errno = 95
	ESHUTDOWN Errno = 108
)

// errnos lists the errors that can be spelt.
func errnos() map[Errno]string {
	return map[Errno]string{
		EPERM: "EPERM", EIO: "EIO", ENOMEM: "ENOMEM", EINVAL: "EINVAL",
		ENOSPC: "ENOSPC", EOVERFLOW: "EOVERFLOW", ENOTSUP: "ENOTSUP", ESHUTDOWN: "ESHUTDOWN",
	}
}

// String returns the error's name, such as EIO; success is "ok".
func (e Errno) String() string {
	if e == 0 {
		return "ok"
	}
	if name, ok := errnos()[e]; ok {
		return name
	}
	return fmt.Sprintf("errno(%d)", uint32(e))
}

// ParseErrno reads the name of an error that the NBD protocol can carry.
func ParseErrno(name string) (Errno, error) {
	for e, n := range errnos() {
		if n == name {
			return e, nil
		}
	}
	return 0, fmt.Errorf("parse disk errno %q: want EPERM, EIO, ENOMEM, EINVAL, ENOSPC, EOVERFLOW, ENOTSUP or ESHUTDOWN", name)
}
