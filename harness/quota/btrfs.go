package quota

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Of linux/btrfs.h and linux/btrfs_tree.h.
const (
	iocTreeSearch  = 0xd0009411
	iocQuotaCtl    = 0xc0109428
	iocQgroupLimit = 0x8030942b
	iocRescanWait  = 0x942e

	quotaEnable, quotaDisable = 1, 2

	quotaTree       = 8
	qgroupInfo      = 242 // BTRFS_QGROUP_INFO_KEY
	limitReferenced = 1   // BTRFS_QGROUP_LIMIT_MAX_RFER
	topSubvolume    = 5   // BTRFS_FS_TREE_OBJECTID
)

type quotaCtl struct{ cmd, status uint64 }

type qgroupLimit struct {
	qgroup                                      uint64
	flags                                       uint64
	maxReferenced, maxExclusive, reserved, rest uint64
}

// treeSearch is struct btrfs_ioctl_search_args.
type treeSearch struct {
	tree                           uint64
	minObject, maxObject           uint64
	minOffset, maxOffset           uint64
	minTransaction, maxTransaction uint64
	minType, maxType               uint32
	items                          uint32
	_                              uint32
	_                              [4]uint64
	found                          [4096 - 104]byte
}

// leaveSubvolume has the file system keep account, and limits the subvolume to what it has and n bytes. The subvolume is the top one. After an
// error no account is kept.
func leaveSubvolume(root string, fd int, n int64) (*Limit, error) {
	if err := ioctl(fd, iocQuotaCtl, unsafe.Pointer(&quotaCtl{cmd: quotaEnable})); err != nil {
		return nil, err
	}
	if err := limitSubvolume(fd, n); err != nil {
		_ = forget(root) // what is of interest is the errno: why there is no limit
		return nil, err
	}
	return &Limit{lift: func() error { return forget(root) }}, nil
}

// limitSubvolume waits until what is there has been counted, and sets the limit.
func limitSubvolume(fd int, n int64) error {
	if err := ioctl(fd, iocRescanWait, nil); err != nil {
		return err
	}
	if err := unix.Syncfs(fd); err != nil {
		return err
	}
	used, err := referenced(fd)
	if err != nil {
		return err
	}
	return ioctl(fd, iocQgroupLimit, unsafe.Pointer(&qgroupLimit{qgroup: topSubvolume, flags: limitReferenced, maxReferenced: used + uint64(n)}))
}

// forget ends the account of the file system that the folder is on.
func forget(root string) error {
	fd, err := open(root)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return ioctl(fd, iocQuotaCtl, unsafe.Pointer(&quotaCtl{cmd: quotaDisable}))
}

// referenced is how many bytes the top subvolume has, data and metadata, as of the last commit.
func referenced(fd int) (uint64, error) {
	s := treeSearch{
		tree: quotaTree, minOffset: topSubvolume, maxOffset: topSubvolume, maxTransaction: ^uint64(0), minType: qgroupInfo, maxType: qgroupInfo, items: 1,
	}
	if err := ioctl(fd, iocTreeSearch, unsafe.Pointer(&s)); err != nil {
		return 0, err
	}
	if s.items == 0 {
		return 0, unix.ENOENT
	}
	return binary.LittleEndian.Uint64(s.found[headLen+8:]), nil
}

// headLen is the length of what stands before an item that was found; the item begins with a generation.
const headLen = 32

func ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg))
	if errno != 0 {
		return errno
	}
	return nil
}
