package exec

import (
	"os/signal"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// spaceCall is an operation about how much may be written, nil for any other.
func (t *task) spaceCall(op prog.Op) func() outcome {
	switch op.Verb {
	case prog.VFillDisk:
		return func() outcome { return result(0, t.files.fillDisk(op.Len)) }
	case prog.VFillQuota:
		return func() outcome { return result(0, t.files.fillQuota(op.Len)) }
	case prog.VFileLimit:
		return func() outcome { return result(0, limitFiles(op.Len)) }
	}
	return nil
}

// ballastName is the file that takes the free space, as long as it has a name.
const ballastName = ".iomapcheck-ballast"

// fillDisk has a file without a name take the free space but for keep bytes. It is durable when it returns, as is what the file system
// put off until now, so that nothing else gives or takes space soon.
func (f *files) fillDisk(keep int64) error {
	if f.ballast != 0 {
		return unix.EBUSY
	}
	path := filepath.Join(f.root, ballastName)
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	f.ballast = fd
	if err := unix.Unlink(path); err != nil {
		return err
	}
	if err := unix.Syncfs(fd); err != nil {
		return err
	}
	size, err := allocateAll(fd)
	if err != nil || keep == 0 {
		return err
	}
	if err := unix.Ftruncate(fd, max(0, size-keep)); err != nil {
		return err
	}
	return unix.Syncfs(fd)
}

// The steps in which free space is taken, in bytes: the last is no larger than any file system's block.
const firstStep, lastStep = 64 << 20, 1 << 10

// allocateAll gives the file all blocks that can be had, and says up to where. What one call could not have at once, smaller ones may.
func allocateAll(fd int) (size int64, err error) {
	for step := int64(firstStep); step >= lastStep; {
		switch err := unix.Fallocate(fd, 0, size, step); err {
		case nil:
			size += step
		case unix.ENOSPC:
			step /= 2
		case unix.EINTR:
		default:
			return size, err
		}
	}
	return size, nil
}

// limitFiles sets RLIMIT_FSIZE of the task's process. The signal that goes with EFBIG would end it.
func limitFiles(n int64) error {
	signal.Ignore(unix.SIGXFSZ)
	limit := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if n != prog.NoLimit {
		limit.Cur = uint64(n)
	}
	return unix.Setrlimit(unix.RLIMIT_FSIZE, &limit)
}

// closeBallast gives the space back.
func (f *files) closeBallast() {
	if f.ballast != 0 {
		_ = unix.Close(f.ballast)
		f.ballast = 0
	}
}
