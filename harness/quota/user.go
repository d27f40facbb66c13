package quota

import (
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Of linux/quota.h and linux/dqblk_xfs.h.
const (
	userQuota     = 0
	getQuota      = ('X'<<8 + 3) << 8 // QCMD(Q_XGETQUOTA, USRQUOTA)
	setLimits     = ('X'<<8 + 4) << 8
	dquotVersion  = 1
	flagUser      = 1
	fieldHard     = 1 << 3
	blockOfLimits = 512 // bytes in the unit of the fields
)

// diskQuota is struct fs_disk_quota.
type diskQuota struct {
	version, flags         int8
	fields                 uint16
	id                     uint32
	blockHard, blockSoft   uint64
	inodeHard, inodeSoft   uint64
	blocks, inodes         uint64
	inodeTimer, blockTimer int32
	inodeWarns, blockWarns uint16
	_                      [4]int8
	_                      [3]uint64
	_                      int32
	_                      uint16
	_                      int16
	_                      [8]byte
}

// leaveUser sets the hard limit of a user to what it has and n bytes, rounded down to 512.
func leaveUser(root string, fd, uid int, n int64) (*Limit, error) {
	if err := give(fd, uid); err != nil {
		return nil, err
	}
	if err := unix.Syncfs(fd); err != nil {
		return nil, err
	}
	var q diskQuota
	if err := control(getQuota, fd, uid, &q); err != nil {
		return nil, err
	}
	// A limit of 0 would be none.
	if err := limit(fd, uid, max(1, q.blocks+uint64(n)/blockOfLimits)); err != nil {
		return nil, err
	}
	return &Limit{lift: func() error {
		fd, err := open(root)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return limit(fd, uid, 0)
	}}, nil
}

// limit sets the hard limit, in blockOfLimits; 0 is none.
func limit(fd, uid int, blocks uint64) error {
	return control(setLimits, fd, uid, &diskQuota{
		version: dquotVersion, flags: flagUser, fields: fieldHard, id: uint32(uid), blockHard: blocks,
	})
}

// give makes the regular files of the folder the user's.
func give(fd, uid int) error {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		if err := unix.Fchownat(fd, e.Name(), uid, -1, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
	}
	return nil
}

// control is quotactl(2) of the file system that an open folder is on. It knows file systems by their device; since 5.14 there is one that takes a
// descriptor, which works as well on a mount that is in no mount namespace.
func control(cmd, fd, uid int, q *diskQuota) error {
	_, _, errno := unix.Syscall6(unix.SYS_QUOTACTL_FD, uintptr(fd), uintptr(cmd|userQuota), uintptr(uid), uintptr(unsafe.Pointer(q)), 0, 0)
	if errno == unix.ENOSYS { // the kernel is older, or the file system has no quotas
		if device, err := deviceOf(fd); err == nil {
			return controlDevice(cmd, device, uid, q)
		}
	}
	if errno != 0 {
		return errno
	}
	return nil
}

// deviceOf is the block device that the folder's file system is mounted from.
func deviceOf(fd int) (string, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	device, err := source(string(mounts), unix.Major(st.Dev), unix.Minor(st.Dev))
	if err == nil && !strings.HasPrefix(device, "/") {
		return "", fmt.Errorf("find the device of a file system: it has none, but %q", device)
	}
	return device, err
}

// source finds the device in the lines of mountinfo, by its numbers: "24 1 254:0 / /mnt rw - xfs /dev/vda rw".
func source(mounts string, major, minor uint32) (string, error) {
	numbers := fmt.Sprintf("%d:%d", major, minor)
	for line := range strings.Lines(mounts) {
		before, after, found := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if found && len(left) > 2 && len(right) > 1 && left[2] == numbers {
			return right[1], nil
		}
	}
	return "", fmt.Errorf("find the device %s: it is mounted nowhere", numbers)
}

func controlDevice(cmd int, device string, uid int, q *diskQuota) error {
	path, err := unix.BytePtrFromString(device)
	if err != nil {
		return err
	}
	_, _, errno := unix.Syscall6(unix.SYS_QUOTACTL, uintptr(cmd|userQuota), uintptr(unsafe.Pointer(path)), uintptr(uid), uintptr(unsafe.Pointer(q)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
