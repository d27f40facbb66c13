//go:build linux

package fsys

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// mounted is a file system on a loop device over an image file.
type mounted struct {
	dir, image string
}

// mountSpec makes and mounts a file system; the test is skipped where that cannot be done.
func mountSpec(t *testing.T, s Spec) mounted {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	kinds, err := os.ReadFile("/proc/filesystems")
	if err != nil || !strings.Contains(string(kinds), "\t"+s.KernelType()+"\n") {
		t.Skipf("this kernel has no %s (%v)", s.KernelType(), err)
	}
	m := mounted{dir: t.TempDir(), image: filepath.Join(t.TempDir(), "image")}
	if err := os.WriteFile(m.image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(m.image, s.MinDevice()); err != nil {
		t.Fatal(err)
	}
	argv := s.Mkfs(m.image)
	if _, err := exec.LookPath(argv[0]); err != nil {
		t.Skip(err)
	}
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%q: %v: %s", argv, err, out)
	}
	dev, hold := attachLoop(t, m.image)
	defer hold.Close()
	if err := unix.Mount(dev, m.dir, s.KernelType(), s.MountFlags(), s.MountOptions()); err != nil {
		t.Fatalf("mount %s with %q: %v", s, s.MountOptions(), err)
	}
	t.Cleanup(func() { unix.Unmount(m.dir, unix.MNT_DETACH) }) // in case the test failed before it unmounted
	return m
}

// attachLoop gives a loop device that goes away with its last user.
func attachLoop(t *testing.T, image string) (string, *os.File) {
	t.Helper()
	ctl, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no loop devices: %v", err)
	}
	defer ctl.Close()
	back, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	for range 20 { // another process may take the free one first
		n, err := unix.IoctlRetInt(int(ctl.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			t.Skipf("no loop device: %v", err)
		}
		dev := "/dev/loop" + strconv.Itoa(n)
		f, err := os.OpenFile(dev, os.O_RDWR, 0)
		if err != nil {
			t.Skipf("no loop device: %v", err)
		}
		cfg := unix.LoopConfig{Fd: uint32(back.Fd()), Size: 512, Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR}}
		err = unix.IoctlLoopConfigure(int(f.Fd()), &cfg)
		if err == nil {
			return dev, f
		}
		f.Close()
		if !errors.Is(err, unix.EBUSY) {
			t.Skipf("attach %s: %v", dev, err)
		}
	}
	t.Fatal("every loop device was taken by others")
	return "", nil
}

func (m mounted) create(t *testing.T, name string, data []byte) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(m.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	return f
}

// noise is data of which no two blocks are alike.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{7})
	r.Read(b)
	return b
}

func ranges(t *testing.T, f *os.File, off, n int64) []Range {
	t.Helper()
	got, err := FileRanges(int(f.Fd()), off, n)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// check compares the ranges of [off, off+n) with what is on the device, shifted by so many bytes.
func (m mounted) check(t *testing.T, rs []Range, data []byte, off, n, shift int64) bool {
	t.Helper()
	image, err := os.ReadFile(m.image)
	if err != nil {
		t.Fatal(err)
	}
	at := off
	same := true
	for _, r := range rs {
		if r.File == at {
			at += r.Len
		} else if r.File+r.Len != at { // a second copy repeats the piece
			t.Errorf("%s does not follow %#x", r, at)
		}
		disk := image[r.Disk+shift : r.Disk+shift+r.Len]
		same = same && bytes.Equal(disk, data[r.File:r.File+r.Len])
	}
	if at != off+n {
		t.Errorf("%s ends at %#x, want %#x", rs, at, off+n)
	}
	return same
}

func TestTheBytesAreWhereFileRangesSays(t *testing.T) {
	for _, s := range All() {
		t.Run(s.String(), func(t *testing.T) {
			m := mountSpec(t, s)
			data := noise(3 * MiB)
			f := m.create(t, "f", data)
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
			all := ranges(t, f, 0, int64(len(data)))
			part := ranges(t, f, 65536+512, 131072)
			f.Close()
			// Only unmounting brings journalled data to its place.
			if err := unix.Unmount(m.dir, 0); err != nil {
				t.Fatal(err)
			}
			if !m.check(t, all, data, 0, int64(len(data)), 0) || !m.check(t, part, data, 65536+512, 131072, 0) {
				t.Errorf("the bytes are not at %s", all)
			}
			if m.check(t, part, data, 65536+512, 131072, s.BlockSize()) {
				t.Error("the comparison does not notice a shift by a block")
			}
		})
	}
}

func TestFileRangesRefusesWhatIsNotOnTheDevice(t *testing.T) {
	for _, s := range All() {
		if s.VariantName() != "" {
			continue
		}
		t.Run(s.String(), func(t *testing.T) {
			m := mountSpec(t, s)
			f := m.create(t, "sparse", noise(65536))
			if s.Name() != "gfs2" { // it allocates at once
				refused(t, f, 0, 65536, "not allocated yet")
			}
			if err := f.Truncate(2 * 65536); err != nil {
				t.Fatal(err)
			}
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
			if got := ranges(t, f, 0, 65536); len(got) == 0 {
				t.Error("no range after fsync")
			}
			refused(t, f, 0, 65536+4096, "hole")
			refused(t, f, 4*65536, 4096, "hole")
			if small := map[string]string{"btrfs": "inside the inode", "gfs2": "inside the inode"}[s.Name()]; small != "" {
				g := m.create(t, "small", noise(100))
				if err := g.Sync(); err != nil {
					t.Fatal(err)
				}
				refused(t, g, 0, 100, small)
			}
			if _, err := FileRanges(int(f.Fd()), 0, 0); err == nil {
				t.Error("an empty range was accepted")
			}
		})
	}
}

func refused(t *testing.T, f *os.File, off, n int64, reason string) {
	t.Helper()
	got, err := FileRanges(int(f.Fd()), off, n)
	var e *ExtentError
	if !errors.As(err, &e) || !strings.Contains(e.Reason, reason) {
		t.Errorf("[%#x, %#x): %v, %v; want refused because %q", off, off+n, got, err, reason)
	}
}
