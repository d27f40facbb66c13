// Package errno holds the error numbers that the engine's system calls return, with Linux' values and names.
//
// They are a type of their own, and not syscall.Errno, so that the engine gives the same numbers wherever it runs, and
// so that ENOTBLK and EIOCBQUEUED, which never reach an application, can be told from those that may.
package errno

import "strconv"

// Errno is a Linux error number; 0 is success. It is positive, as in user space.
type Errno int32

// The error numbers the engine uses, from include/uapi/asm-generic/errno*.h.
const (
	OK         Errno = 0
	EPERM      Errno = 1
	ENOENT     Errno = 2
	EIO        Errno = 5
	EBADF      Errno = 9
	EAGAIN     Errno = 11
	ENOMEM     Errno = 12
	EFAULT     Errno = 14
	ENOTBLK    Errno = 15 // kernel-internal: invalidation failed, the caller falls back to buffered I/O
	EBUSY      Errno = 16
	EEXIST     Errno = 17
	ENODEV     Errno = 19
	EINVAL     Errno = 22
	EFBIG      Errno = 27
	ENOSPC     Errno = 28
	EREMCHG    Errno = 78 // the first draft's word for what ENOTBLK says
	EOPNOTSUPP Errno = 95
	ESHUTDOWN  Errno = 108
	EDQUOT     Errno = 122
	// EIOCBQUEUED is kernel-internal: the request is under way, its completion comes later. include/linux/errno.h.
	EIOCBQUEUED Errno = 529
)

// String returns the name as in errno.h, or "errno N" for a number the engine does not use.
func (e Errno) String() string {
	if name := e.name(); name != "" {
		return name
	}
	return "errno " + strconv.Itoa(int(e))
}

func (e Errno) name() string {
	switch e {
	case OK:
		return "OK"
	case EPERM:
		return "EPERM"
	case ENOENT:
		return "ENOENT"
	case EIO:
		return "EIO"
	case EBADF:
		return "EBADF"
	case EAGAIN:
		return "EAGAIN"
	case ENOMEM:
		return "ENOMEM"
	case EFAULT:
		return "EFAULT"
	case ENOTBLK:
		return "ENOTBLK"
	case EBUSY:
		return "EBUSY"
	case EEXIST:
		return "EEXIST"
	case ENODEV:
		return "ENODEV"
	case EINVAL:
		return "EINVAL"
	case EFBIG:
		return "EFBIG"
	case ENOSPC:
		return "ENOSPC"
	case EREMCHG:
		return "EREMCHG"
	case EOPNOTSUPP:
		return "EOPNOTSUPP"
	case ESHUTDOWN:
		return "ESHUTDOWN"
	case EDQUOT:
		return "EDQUOT"
	case EIOCBQUEUED:
		return "EIOCBQUEUED"
	}
	return ""
}

// Error makes an Errno an error, for callers that pass it on as one. OK is never an error: test for it first.
func (e Errno) Error() string { return e.String() }

// Internal says whether the number is one of those that must never reach an application.
func (e Errno) Internal() bool { return e == ENOTBLK || e == EIOCBQUEUED || e == EREMCHG }
