package quota

import (
	"errors"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestTheKernelsStructuresHaveTheirSizes(t *testing.T) {
	for name, sizes := range map[string][2]uintptr{
		"struct fs_disk_quota":                 {unsafe.Sizeof(diskQuota{}), 112},
		"struct btrfs_ioctl_search_args":       {unsafe.Sizeof(treeSearch{}), 4096},
		"struct btrfs_ioctl_quota_ctl_args":    {unsafe.Sizeof(quotaCtl{}), 16},
		"struct btrfs_ioctl_qgroup_limit_args": {unsafe.Sizeof(qgroupLimit{}), 48},
	} {
		if sizes[0] != sizes[1] {
			t.Errorf("%s has %d bytes, want %d", name, sizes[0], sizes[1])
		}
	}
	if at := unsafe.Offsetof(diskQuota{}.blocks); at != 40 {
		t.Errorf("d_bcount is at %d, want 40", at)
	}
}

func TestTheDeviceIsTheOneWithTheFilesNumbers(t *testing.T) {
	const mounts = "21 1 0:19 / /proc rw,relatime - proc proc rw\n" +
		"24 1 254:0 / /mnt rw,noatime shared:1 - xfs /dev/vda rw,usrquota\n" +
		"25 1 254:10 / /other rw - xfs /dev/vdb rw\nbroken 254:3 - \n"
	for numbers, want := range map[[2]uint32]string{{254, 0}: "/dev/vda", {254, 10}: "/dev/vdb", {254, 1}: "", {254, 3}: ""} {
		if got, err := source(mounts, numbers[0], numbers[1]); got != want || (err == nil) != (want != "") {
			t.Errorf("%v: %q, %v; want %q", numbers, got, err, want)
		}
	}
}

// Only the thread that asks loses the capability: the test's own stays what it was.
func TestWhoObeysAQuotaHasNoLeaveToExceedIt(t *testing.T) {
	if before := effective(t); before>>unix.CAP_SYS_RESOURCE&1 == 0 {
		t.Skip("the test has not the capability to lose")
	}
	after := make(chan uint64)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := Obey(); err != nil {
			t.Error(err)
		}
		after <- effective(t)
	}()
	if sets := <-after; sets>>unix.CAP_SYS_RESOURCE&1 != 0 || sets>>unix.CAP_SYS_ADMIN&1 == 0 {
		t.Errorf("the capabilities are %x", sets)
	}
}

// effective are the calling thread's capabilities, as the kernel tells them.
func effective(t *testing.T) uint64 {
	text, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		t.Error(err)
		return 0
	}
	found := regexp.MustCompile(`CapEff:\s*([0-9a-f]+)`).FindSubmatch(text)
	if found == nil {
		t.Error("no CapEff in /proc/thread-self/status")
		return 0
	}
	sets, err := strconv.ParseUint(string(found[1]), 16, 64)
	if err != nil {
		t.Error(err)
	}
	return sets
}

// Where no account is kept, that is what is said: the caller takes it for "cannot be done here".
func TestAFileSystemWithoutAccountSaysSo(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "ramfs", 0, ""); err != nil {
		t.Skipf("mounting is not allowed here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	if _, err := Leave(dir, 4242, 0); !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.ESRCH) {
		t.Errorf("got %v, want ENOSYS or ESRCH", err)
	}
}
