package vmimage_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

// disk makes a sparse 512 MiB file.
func disk(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(512 << 20); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEveryFileSystemIsMadeAndMountedOnAStockKernel(t *testing.T) {
	g := boot(t, qemu.Config{Devices: []qemu.Device{qemu.RawDisk{Serial: "scratch", Path: disk(t)}}})
	t.Logf("booted in %v", g.booted)
	t.Log("ports:", g.ask("ls /sys/class/virtio-ports/*"), g.ask("ls /dev/*"))
	g.must("load virtio_blk")
	if serial := g.ask("cat /sys/block/vda/serial"); serial != "scratch" {
		t.Errorf("serial of vda is %q, want scratch", serial)
	}
	mkfs := map[string]string{
		"xfs":   "/sbin/mkfs.xfs -f -q /dev/vda",
		"ext4":  "/sbin/mkfs.ext4 -F -q /dev/vda",
		"btrfs": "/sbin/mkfs.btrfs -f -q /dev/vda",
		"gfs2":  "/sbin/mkfs.gfs2 -O -q -j 1 -J 8 -p lock_nolock /dev/vda",
	}
	for _, kind := range []string{"xfs", "ext4", "btrfs", "gfs2"} {
		g.must("load %s", kind)
		g.must("run %s", mkfs[kind])
		g.must("mount %s /dev/vda", kind)
	}
	t.Log(g.ConsoleTail())
}
