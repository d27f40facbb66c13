package host

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/kmsg"
	"github.com/iomapcheck/iomapcheck/harness/oops"
)

func TestThePathsMountIsTheLongestAndLast(t *testing.T) {
	const table = `20 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 20 7:0 / /mnt rw,noatime shared:1 - xfs /dev/loop0 rw,attr2
31 20 0:40 / /mnt/with\040space rw - btrfs /dev/loop1 rw,nodatasum
32 30 7:2 / /mnt rw,relatime - ext4 /dev/loop2 rw,data=journal
`
	for path, want := range map[string]string{
		"/": "ext4 rw,relatime,rw", "/home": "ext4 rw,relatime,rw", "/mnt": "ext4 rw,relatime,rw,data=journal",
		"/mnt/a/b": "ext4 rw,relatime,rw,data=journal", "/mntx": "ext4 rw,relatime,rw", "/mnt/with space/f": "btrfs rw,rw,nodatasum",
	} {
		m, ok := longest(table, path)
		if got := m.kind + " " + m.options; !ok || got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if _, ok := longest("nonsense\n", "/"); ok {
		t.Error("nonsense has a mount")
	}
}

func TestMountOptionsAreFlagsAndData(t *testing.T) {
	data, flags := options([]string{"-o", "noatime,data=journal", "-onodev", "-o", "acl,,acl"})
	if data != "data=journal,acl" || flags != unix.MS_NOATIME|unix.MS_NODEV {
		t.Errorf("got %q, %#x", data, flags)
	}
}

func TestCountersOfADevice(t *testing.T) {
	stat := filepath.Join(t.TempDir(), "stat")
	if err := os.WriteFile(stat, []byte(" 10 0 80 1 20 0 160 2 3 4 5 1 0 0 0 7 8\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if done, underWay := (counted{stat}).read(); done != 10+20+1+7 || underWay != 3 {
		t.Errorf("done %d, under way %d", done, underWay)
	}
	if done, underWay := (counted{""}).read(); done != 0 || underWay != 0 {
		t.Errorf("no device: %d, %d", done, underWay)
	}
}

func TestWhatTheKernelSaysOfAnotherDeviceIsNotOurs(t *testing.T) {
	r := &run{device: "loop1"}
	for _, c := range []struct {
		kind oops.Kind
		line string
		want bool
	}{
		{oops.FSShutdown, "XFS (loop1): log I/O error -5", true},
		{oops.FSShutdown, "XFS (loop11): log I/O error -5", false},
		{oops.FSShutdown, "Aborting journal on device loop1-8.", true},
		{oops.FSCorruption, "BTRFS error (device nbd0): checksum", false},
		{oops.IOError, "I/O error, dev loop2, sector 0", false},
		{oops.Warning, "WARNING: CPU: 0 PID: 1 at fs/iomap/direct-io.c:1", true},
	} {
		if got := r.ours(kmsg.Finding{Finding: oops.Finding{Kind: c.kind, Lines: []string{c.line}}}); got != c.want {
			t.Errorf("%s: %v, want %v", c.line, got, c.want)
		}
	}
}

// After a power cut the disk may be attached as another device.
func TestWhatTheKernelSaidBeforeThePowerCutIsOfTheDeviceThatWas(t *testing.T) {
	said := func(line string) []kmsg.Finding {
		return []kmsg.Finding{{Finding: oops.Finding{Kind: oops.FSCorruption, Title: line, Lines: []string{line}}}}
	}
	r := &run{t: &Target{}, device: "loop1", timeline: newTimeline()}
	r.past = &pastLife{found: r.oursOf(said("EXT4-fs error (device loop1): first life"))}
	r.device = "loop2"
	var got []string
	for _, e := range r.history(append(said("EXT4-fs error (device loop1): another's"), said("EXT4-fs error (device loop2): second life")...)).Events {
		got = append(got, e.Text)
	}
	want := []string{"EXT4-fs error (device loop1): first life", "EXT4-fs error (device loop2): second life"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Where it could not be attached again after a power cut, there is nothing to wait for.
func TestADiskThatIsNotAttachedIsInNobodysUse(t *testing.T) {
	if err := (&drive{}).rest(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAHungTaskOfAnotherProgramIsNotOurs(t *testing.T) {
	line := func(pid int) []string {
		return []string{fmt.Sprintf("INFO: task some.name:%d blocked for more than 120 seconds.", pid)}
	}
	for pid, want := range map[int]bool{os.Getppid(): true, os.Getpid(): false, 2: false} { // 2 is a kernel thread, where it can be seen
		if pid == 2 {
			if comm, err := os.ReadFile("/proc/2/comm"); err != nil || string(comm) != "kthreadd\n" {
				continue
			}
		}
		if got := others(line(pid)); got != want {
			t.Errorf("process %d is another's: %v, want %v", pid, got, want)
		}
	}
	if others([]string{"nothing of tasks"}) {
		t.Error("a report without a task is another's")
	}
}
