package qemu

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func socket(t *testing.T) *os.File {
	t.Helper()
	ours, theirs, err := SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return theirs
}

func TestDevicesSayWhatTheyAddToTheCommandLine(t *testing.T) {
	var fds FDs
	for _, test := range []struct {
		device Device
		want   string
	}{
		{NBD{Serial: "scratch", Socket: socket(t), Export: "e", BlockSize: 4096},
			`-blockdev {"discard":"unmap","driver":"nbd","export":"e","node-name":"disk-scratch","server":{"str":"3","type":"fd"}} ` +
				`-device virtio-blk-pci,drive=disk-scratch,id=disk-scratch-dev,serial=scratch,num-queues=1,request-merging=off,` +
				`werror=enospc,rerror=report,logical_block_size=4096,physical_block_size=4096`},
		{RawDisk{Serial: "test", Path: `/tmp/with ,"odd" name`},
			`-blockdev {"discard":"unmap","driver":"raw","file":{"driver":"file","filename":"/tmp/with ,\"odd\" name"},` +
				`"node-name":"disk-test"} -device virtio-blk-pci,drive=disk-test,id=disk-test-dev,serial=test,num-queues=1,` +
				`request-merging=off,werror=report,rerror=report`},
		{Throwaway{Serial: "userland", Path: "/cache/a,b.ext4"},
			`-drive if=none,id=disk-userland,format=raw,snapshot=on,cache=unsafe,file=/cache/a,,b.ext4 ` +
				`-device virtio-blk-pci,drive=disk-userland,id=disk-userland-dev,serial=userland,num-queues=1,` +
				`request-merging=off,werror=report,rerror=report`},
		{Port{Name: "iomapcheck.0", Socket: socket(t)},
			`-chardev socket,id=port-iomapcheck.0,fd=4 -device virtserialport,chardev=port-iomapcheck.0,name=iomapcheck.0`},
		{serialConsole{socket(t)}, `-chardev socket,id=console,fd=5 -serial chardev:console`},
		{monitor{socket(t)}, `-chardev socket,id=qmp,fd=6 -mon chardev=qmp,mode=control`},
		{NBDParts{NBD{Serial: "p", Socket: socket(t)}, []Part{{4096, 8192}, {0, 4096}}},
			`-blockdev {"discard":"unmap","driver":"nbd","export":"","node-name":"disk-p","server":{"str":"7","type":"fd"}} ` +
				`-blockdev {"discard":"unmap","driver":"raw","file":"disk-p","node-name":"disk-p-0","offset":4096,"size":8192} ` +
				`-device virtio-blk-pci,drive=disk-p-0,id=disk-p-0-dev,serial=p-0,num-queues=1,request-merging=off,` +
				`werror=enospc,rerror=report,share-rw=on ` +
				`-blockdev {"discard":"unmap","driver":"raw","file":"disk-p","node-name":"disk-p-1","offset":0,"size":4096} ` +
				`-device virtio-blk-pci,drive=disk-p-1,id=disk-p-1-dev,serial=p-1,num-queues=1,request-merging=off,` +
				`werror=enospc,rerror=report,share-rw=on`},
		{ZonedNBD{NBD{Serial: "z", Socket: socket(t), BlockSize: 4096}, Part{0, 1 << 20}, 1 << 18},
			`-blockdev {"discard":"unmap","driver":"nbd","export":"","node-name":"disk-z","server":{"str":"8","type":"fd"}} ` +
				`-blockdev {"discard":"unmap","driver":"raw","file":"disk-z","node-name":"disk-z-0","offset":0,"size":1048576} ` +
				`-device nvme,id=disk-z-0-ctrl,serial=z -device nvme-ns,bus=disk-z-0-ctrl,drive=disk-z-0,zoned=on,` +
				`zoned.zone_size=262144,zoned.zone_capacity=262144,logical_block_size=4096,physical_block_size=4096`},
	} {
		if got := strings.Join(test.device.Args(&fds), " "); got != test.want {
			t.Errorf("%T:\n got %s\nwant %s", test.device, got, test.want)
		}
	}
	if len(fds.files) != 6 {
		t.Errorf("%d files are passed, want 6", len(fds.files))
	}
}

// command is the command line of config with defaults, for a QEMU of version major.
func command(config Config, major int, qboot bool) string {
	config.Binary = &Binary{Major: major, Qboot: qboot}
	config.setDefaults()
	return strings.Join(config.args(&FDs{}, nil), " ")
}

func TestOneProcessorUnderTCGBeforeQEMU10(t *testing.T) {
	for _, test := range []struct {
		accel Accel
		major int
		want  string
	}{{"", 7, "-smp 1"}, {TCG, 9, "-smp 1"}, {TCG, 10, "-smp 2"}, {KVM, 7, "-smp 2"}} {
		if got := command(Config{Accel: test.accel}, test.major, true); !strings.Contains(got, test.want) {
			t.Errorf("%q on QEMU %d: %s, want %s", test.accel, test.major, got, test.want)
		}
	}
	if got := command(Config{CPUs: 4}, 7, true); !strings.Contains(got, "-smp 4") {
		t.Errorf("what is asked for counts: %s", got)
	}
}

func TestPVHNeedsVmlinuxAndQboot(t *testing.T) {
	both := Config{Vmlinux: "vmlinux", Image: "bzImage", Initrd: "initrd", Cmdline: []string{"quiet"}}
	if got := command(both, 7, true); !strings.Contains(got, "-bios qboot.rom -kernel vmlinux -initrd initrd -append console=ttyS0") ||
		!strings.HasSuffix(strings.TrimSuffix(got, " -device virtio-serial-pci"), "quiet") {
		t.Errorf("with both: %s", got)
	}
	if got := command(both, 7, false); !strings.Contains(got, "-kernel bzImage") || strings.Contains(got, "qboot") {
		t.Errorf("without qboot: %s", got)
	}
	if got := command(Config{Image: "bzImage"}, 7, true); !strings.Contains(got, "-kernel bzImage") || strings.Contains(got, "qboot") {
		t.Errorf("without vmlinux: %s", got)
	}
	if got := command(Config{}, 7, true); strings.Contains(got, "-kernel") {
		t.Errorf("without a kernel: %s", got)
	}
}

func TestLinesComeOutWholeHoweverTheyCameIn(t *testing.T) {
	var lines []string
	writer := &lineWriter{emit: func(line string) { lines = append(lines, line) }}
	for _, chunk := range []string{"on", "e\r\n", "two\nthr", "ee\r", "\n", "rest"} {
		if n, err := writer.Write([]byte(chunk)); n != len(chunk) || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
	}
	writer.flush()
	writer.flush()
	if want := []string{"one", "two", "three", "rest"}; !slices.Equal(lines, want) {
		t.Errorf("lines %q, want %q", lines, want)
	}
	lines = nil
	_, _ = writer.Write(make([]byte, maxLine+1))
	if len(lines) != 1 {
		t.Errorf("an endless line came out as %d pieces, want 1 so far", len(lines))
	}
}

func TestATailRemembersTheEnd(t *testing.T) {
	var remembered tail
	_, _ = remembered.Write([]byte(strings.Repeat("x", tailSize)))
	mark := remembered.position()
	_, _ = remembered.Write([]byte("end"))
	if got := remembered.String(); len(got) != tailSize || !strings.HasSuffix(got, "xend") {
		t.Errorf("%d bytes, ends %q", len(got), got[len(got)-4:])
	}
	if got := remembered.since(mark); got != "end" {
		t.Errorf("since mark: %q", got)
	}
	_, _ = remembered.Write([]byte(strings.Repeat("y", tailSize)))
	if got := remembered.since(mark); len(got) != tailSize {
		t.Errorf("since a mark that is forgotten: %d bytes", len(got))
	}
}

// gate is a writer that blocks until it is opened.
type gate struct{ open, reached chan struct{} }

func (g gate) Write(p []byte) (int, error) {
	select {
	case g.reached <- struct{}{}:
	default:
	}
	<-g.open
	return len(p), nil
}

func TestASlowWriterDoesNotStopTheGuestAtOnce(t *testing.T) {
	from, to := io.Pipe()
	slow := gate{open: make(chan struct{}), reached: make(chan struct{}, 1)}
	var remembered tail
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		drain(from, &remembered, slow, nil)
	}()
	written := make(chan error, 1)
	go func() {
		_, err := to.Write(make([]byte, queuedChunks*chunkSize/2))
		written <- err
	}()
	<-slow.reached
	select {
	case err := <-written:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(limit):
		t.Fatal("the guest waits for the writer")
	}
	close(slow.open)
	to.Close()
	<-drained
}

func TestErrorsAreOneLineAndQuoteTheTellingOne(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{&BootError{Reason: "guest-reset", Console: "a\n[ 1.0] Kernel panic - not syncing: x\n[ 1.1] end trace\n"},
			"guest stopped by itself (guest-reset): [ 1.0] Kernel panic - not syncing: x"},
		{&BootError{Reason: "guest-shutdown"}, "guest stopped by itself (guest-shutdown): its console is empty"},
		{&InfraError{Op: "start", Err: io.EOF, Stderr: "one\ntwo\n"}, "start: EOF: two"},
		{&InfraError{Op: "start", Err: io.EOF}, "start: EOF"},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
