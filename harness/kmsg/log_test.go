package kmsg

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/oops"
)

// records is a log that gives one record a read, as /dev/kmsg does.
func records(t *testing.T, list ...string) *Log {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
	for _, r := range list {
		if _, err := unix.Write(fds[1], []byte(r)); err != nil {
			t.Fatal(err)
		}
	}
	return &Log{fd: fds[0], ahead: 1000, parser: oops.NewParser()}
}

func TestWhatTheKernelComplainsOfIsFoundInItsLog(t *testing.T) {
	l := records(t,
		"6,1,5000000,-;XFS (loop0): Mounting V5 Filesystem\n SUBSYSTEM=block\n",
		"4,2,6000000,-;WARNING: CPU: 0 PID: 12 at fs/iomap/direct-io.c:123 iomap_dio_complete+0x1/0x2\n",
		"4,3,6000001,-;---[ end trace 0000000000000000 ]---\n",
	)
	text, found := l.Read()
	if !strings.Contains(text, "[    5.000000] XFS (loop0): Mounting") || strings.Contains(text, "SUBSYSTEM") {
		t.Errorf("text %q", text)
	}
	if len(found) != 1 || found[0].Kind != oops.Warning || found[0].At != 6e9-1000 {
		t.Errorf("found %+v", found)
	}
	if text, found := l.Read(); text != "" || found != nil {
		t.Errorf("read again: %q, %v", text, found)
	}
}

// A log that was not read in full must not look like one without complaints.
func TestWhatCouldNotBeReadIsSaid(t *testing.T) {
	l := records(t, "6,1,5000000,-;XFS (loop0): Mounting V5 Filesystem\n")
	l.overrun = true
	if text, _ := l.Read(); !strings.Contains(text, "Mounting") || !strings.HasSuffix(text, "overwritten before it could be read\n") {
		t.Errorf("text %q", text)
	}
	l.fd = -1
	if text, _ := l.Read(); !strings.Contains(text, "read the kernel's log") {
		t.Errorf("text %q", text)
	}
}
