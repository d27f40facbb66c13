package detached

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAMountThatNobodySees(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root's rights")
	}
	m, err := New(Spec{Kind: "tmpfs", Source: "iomapcheck-test", Flags: unix.MS_NOEXEC, Options: "size=1m,mode=0700"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.Path, "file"), []byte("x"), 0o600); err != nil {
		t.Error(err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(m.Path, &fs); err != nil || fs.Type != unix.TMPFS_MAGIC || fs.Flags&unix.MS_NOEXEC == 0 {
		t.Errorf("type %#x, flags %#x, %v", fs.Type, fs.Flags, err)
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(table), "iomapcheck-test") {
		t.Errorf("it is in the mount table, %v", err)
	}
	if err := m.Away(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(m.Path + "/file"); err == nil {
		t.Error("it is there though it is away")
	}
	if err := m.Again("iomapcheck-test"); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir(m.Path); err != nil || len(list) != 0 {
		t.Errorf("mounted anew: %v, %v", list, err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(m.Path + "/file"); err == nil {
		t.Error("it is there after Close")
	}
}

func TestWhatTheKernelRefusesIsAnErrno(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root's rights")
	}
	for _, c := range []struct {
		kind, options string
		want          unix.Errno
	}{{"tmpfs", "size=1m,nonsense", unix.EINVAL}, {"no-such-fs", "", unix.ENODEV}} {
		if _, err := New(Spec{Kind: c.kind, Source: "none", Options: c.options}); !errors.Is(err, c.want) {
			t.Errorf("%s with %s: %v, want %v", c.kind, c.options, err, c.want)
		}
	}
}
