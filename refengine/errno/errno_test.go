package errno

import (
	"syscall"
	"testing"
)

func TestNumbersAreLinux(t *testing.T) {
	for e, want := range map[Errno]syscall.Errno{
		EPERM: syscall.EPERM, ENOENT: syscall.ENOENT, EIO: syscall.EIO, EBADF: syscall.EBADF, EAGAIN: syscall.EAGAIN,
		ENOMEM:  syscall.ENOMEM,
		EREMCHG: syscall.EREMCHG,
		EFAULT:  syscall.EFAULT, ENOTBLK: syscall.ENOTBLK, EBUSY: syscall.EBUSY, EEXIST: syscall.EEXIST, ENODEV: syscall.ENODEV,
		EINVAL: syscall.EINVAL, EFBIG: syscall.EFBIG, ENOSPC: syscall.ENOSPC, EDQUOT: syscall.EDQUOT, EOPNOTSUPP: syscall.EOPNOTSUPP,
		ESHUTDOWN: syscall.ESHUTDOWN,
	} {
		if int(e) != int(want) || e.name() == "" {
			t.Errorf("%v is %d, Linux has %d", e, int(e), int(want))
		}
	}
	if Errno(99).String() != "errno 99" {
		t.Error(Errno(99))
	}
}

func TestInternalNumbersAreThoseApplicationsNeverSee(t *testing.T) {
	if !ENOTBLK.Internal() || !EIOCBQUEUED.Internal() || EIO.Internal() || OK.Internal() {
		t.Error("wrong set")
	}
}
