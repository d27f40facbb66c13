// Package quota limits how much the owner of some files may have on a file system, so that writes fail with EDQUOT.
//
// xfs, ext4 and gfs2 are told through quotactl(2), where they keep account since they were mounted (Q_XGETQUOTA and Q_XSETQLIM, which the
// kernel translates for every file system since 3.19). btrfs keeps account by subvolume, begins when it is told to, and has ioctls.
package quota

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Limit is a quota in force, until Lift.
type Limit struct{ lift func() error }

// Leave lets the user uid have n bytes more on the file system of the folder root than it has now, everything in root of which belongs to it;
// on btrfs, which knows no users, it is the subvolume of root that may have them. What the file system put off has been written: nothing
// else changes the account soon. ESRCH or ENOSYS say that the file system keeps no account of users.
//
// The kernel lets a task with CAP_SYS_RESOURCE have more on ext4 and gfs2 (ignore_hardlimit, gfs2_quota_lock); see Obey.
func Leave(root string, uid int, n int64) (*Limit, error) {
	fd, err := open(root)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return nil, err
	}
	if fs.Type == unix.BTRFS_SUPER_MAGIC {
		return leaveSubvolume(root, fd, n)
	}
	return leaveUser(root, fd, uid, n)
}

func open(root string) (int, error) {
	return unix.Open(root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

// Lift ends the limit.
func (l *Limit) Lift() error {
	if err := l.lift(); err != nil {
		return fmt.Errorf("lift quota: %w", err)
	}
	return nil
}
