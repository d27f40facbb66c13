package userland

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// MakeImage makes a file at path that is an ext4 file system with what is in folder, all of it root's where we are not root ourselves, and slack bytes
// to spare. It is made by the whole userland's own mke2fs: this machine needs none.
func MakeImage(ctx context.Context, root, folder, path string, slack int64) error {
	size, err := sizeOf(folder)
	if err != nil {
		return fmt.Errorf("make image of %s: %w", folder, err)
	}
	libraries := filepath.Join(root, "usr/lib/x86_64-linux-gnu")
	cmd := exec.CommandContext(ctx, filepath.Join(root, "usr/lib64/ld-linux-x86-64.so.2"), "--library-path", libraries,
		filepath.Join(root, "usr/sbin/mke2fs"), "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0", "-O", "^has_journal", "-E", "lazy_itable_init=1,root_owner=0:0",
		"-d", folder, path, fmt.Sprintf("%dk", (size+slack)>>10))
	cmd.Env = append(os.Environ(), "MKE2FS_CONFIG="+filepath.Join(root, "etc/mke2fs.conf"))
	if os.Getuid() != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make image of %s: mke2fs: %w: %s", folder, err, bytes.TrimSpace(out))
	}
	return nil
}

// sizeOf is what a folder's files need on an ext4 file system, in bytes, generously.
func sizeOf(folder string) (int64, error) {
	const block, inode = 4096, 512
	var sum int64
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		sum += block + inode
		if info.Mode().IsRegular() {
			sum += (info.Size() + block - 1) / block * block
		}
		return nil
	})
	return sum + sum/8, err
}
