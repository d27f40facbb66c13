package disk

import (
	"bytes"
	"context"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func TestRequestsThatTheDiskCannotCarryOutGetTheErrorOfTheSpecification(t *testing.T) {
	const size, none = 1 << 20, 0
	tests := []struct {
		name       string
		cmd, flags uint16
		off        uint64
		length     uint32
		want       Errno
	}{
		{"read up to the end", 0, 0, size - 512, 512, none},
		{"read beyond the end", 0, 0, size - 512, 513, EINVAL},
		{"read far beyond the end", 0, 0, 1<<64 - 1, 512, EINVAL},
		{"overlong read", 0, 0, 0, 1<<25 + 1, EINVAL},
		{"read of nothing at the end", 0, 0, size, 0, none},
		{"write beyond the end", 1, 0, size - 511, 512, ENOSPC},
		{"write where offset and length overflow", 1, 0, 1<<64 - 512, 512, ENOSPC},
		{"zeroing beyond the end", 6, 0, 0, size + 1, ENOSPC},
		{"zeroing without holes", 6, 2, 0, size, none},
		{"trim beyond the end", 4, 0, size, 1, EINVAL},
		{"trim with FUA", 4, 1, 0, size, none},
		{"write with a flag for zeroing", 1, 2, 0, 512, EINVAL},
		{"write with an unknown flag", 1, 1 << 5, 0, 512, EINVAL},
		{"command CACHE, not advertised", 5, 0, 0, 512, EINVAL},
		{"command BLOCK_STATUS, not negotiated", 7, 0, 0, 512, EINVAL},
		{"command of the future", 999, 0, 0, 512, EINVAL},
	}
	s := serve(t, New(size))
	for _, tt := range tests {
		var payload []byte
		if tt.cmd == 1 {
			payload = fill('x', int(tt.length))
		}
		call := s.send(tt.cmd, tt.flags, tt.off, tt.length, payload)
		if err := call.wait(); (tt.want != none || err != nil) && !hasErrno(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	s.expect(t, 0, fill(0, size))
}

func TestRefusedRequestsAreNotHeld(t *testing.T) {
	s := serve(t, New(1<<20))
	s.Hold(Match{Ops: AllOps})
	if err := s.write(1<<20, fill('x', 512)); !hasErrno(err, ENOSPC) {
		t.Fatalf("%v, want ENOSPC", err)
	}
}

func TestPayloadsOfEverySizeArrive(t *testing.T) {
	s := serve(t, New(80<<20))
	for i, n := range []int{1, 511, inputSize - 1, inputSize, inputSize + 1, 1 << 20, maxPayload} {
		want := bytes.Repeat([]byte{byte('a' + i), 1, 2, 3, 5}, n/5+1)[:n]
		ok(t, s.write(int64(i)*4096+3, want))
		s.expect(t, int64(i)*4096+3, want)
	}
}

func TestAClientThatGoesAwayInTheMiddleOfAWriteIsNoErrorAndNoWrite(t *testing.T) {
	for _, n := range []int{4096, 1 << 20} {
		s := serve(t, New(2<<20))
		s.send(1, 0, 0, uint32(n), fill('x', n-1))
		s.net.Close()
		ok(t, <-s.serveErr)
		var b [1]byte
		if _, err := s.ReadAt(b[:], 0); err != nil || b[0] != 0 {
			t.Fatalf("half a write reached the contents: %q, %v", b[0], err)
		}
	}
}

// A client that never reads its answers stops its own connection; it must not stop Release, other clients, or Close.
func TestAClientThatTakesNoAnswersStopsNobodyElse(t *testing.T) {
	d := New(8 << 20)
	near, far := net.Pipe()
	result := make(chan error, 1)
	go func() { result <- d.Serve(t.Context(), far) }()
	deaf, err := dialDeaf(near)
	ok(t, err)
	d.Hold(Match{Ops: Reads})
	for range 3 {
		_, err := deaf.Write(append([]byte("\x25\x60\x95\x13\x00\x00\x00\x00"), make([]byte, 20)...))
		ok(t, err)
	}
	mustAwait(t, d, 3)
	d.Release(All())
	s := serve(t, d)
	ok(t, s.write(0, fill('x', 4096)))
	d.Close()
	if err := <-result; err == nil {
		t.Error("Serve returned nil, want ErrClosed")
	}
	near.Close()
}

// dialDeaf performs the handshake and leaves the answers to the caller, who will not read them.
func dialDeaf(conn net.Conn) (net.Conn, error) {
	if _, err := io.ReadFull(conn, make([]byte, 18)); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(conn, "\x00\x00\x00\x03"+string(option(7, make([]byte, 6)))); err != nil {
		return nil, err
	}
	for range 3 {
		if _, _, err := readOptionReply(conn); err != nil {
			return nil, err
		}
	}
	return conn, nil
}

func TestTwoClientsSeeOneDisk(t *testing.T) {
	a := serve(t, New(1<<20))
	b := serve(t, a.Disk)
	ok(t, a.write(0, fill('a', 512)))
	b.expect(t, 0, fill('a', 512))
	a.Hold(Match{Ops: Writes})
	a.writeAsync(0, fill('b', 512))
	w := b.writeAsync(0, fill('c', 512))
	mustAwait(t, a.Disk, 2)
	a.leave() // drops its own request only
	ok(t, <-a.serveErr)
	if got := b.Release(All()); len(got) != 1 || got[0].Conn != 2 {
		t.Fatalf("released %v, want the second connection's write", got)
	}
	ok(t, w.wait())
}

// TestManyRequestsAtOnceUnderChangingRules is for the race detector.
func TestManyRequestsAtOnceUnderChangingRules(t *testing.T) {
	d := New(4<<20, EnableCut())
	ctx, cancel := context.WithCancel(t.Context())
	var clients, rules sync.WaitGroup
	for i := range 3 {
		s := serve(t, d)
		clients.Go(func() { hammer(s, int64(i)<<20) })
	}
	rules.Go(func() {
		for ctx.Err() == nil {
			d.Hold(Match{Ops: Writes | Flushes, Ranges: []Range{{0, 1 << 19}}})
			d.Delay(Match{Ops: Reads}, 1, 1)
			_ = d.Held()
			_ = d.Recent()
			image := d.Snapshot()
			d.Release(Newest(2))
			d.Release(All())
			_, _ = image.ReadAt(make([]byte, 1<<16), 0)
		}
		d.Release(All())
	})
	clients.Wait()
	cancel()
	rules.Wait()
}

func hammer(s *served, base int64) {
	for i := range 60 {
		off := base + int64(i%16)<<15
		calls := []*call{
			s.writeAsync(off, fill(byte(i), 1<<15)), s.readAsync(off, 1<<15), s.flushAsync(),
			s.send(4, 0, uint64(off), 1<<15, nil), s.readAsync(off, 512),
		}
		for _, c := range calls {
			_ = c.wait()
		}
	}
}

func TestNothingRunsOnAfterClose(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		near, far := net.Pipe()
		d := New(1 << 20)
		result := make(chan error, 1)
		go func() { result <- d.Serve(t.Context(), far) }()
		c, err := dial(near, "")
		ok(t, err)
		d.Hold(Match{Ops: Writes})
		d.Delay(Match{Ops: Reads}, hour, -1)
		c.writeAsync(0, fill('x', 512))
		c.readAsync(0, 512)
		mustAwait(t, d, 1)
		d.Close()
		<-result
		<-c.done
	}
	if stacks := ownGoroutines(); stacks != "" {
		t.Fatalf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), stacks)
	}
}

// ownGoroutines returns the stacks of the goroutines that the disk's own code has started and that still run.
func ownGoroutines() string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var own []string
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		if strings.Contains(stack, "disk.(*answerQueue)") || strings.Contains(stack, "disk.(*Disk)") {
			own = append(own, stack)
		}
	}
	return strings.Join(own, "\n\n")
}

func TestQEMUReadsWhatItWrote(t *testing.T) {
	qemuIO, err := exec.LookPath("qemu-io")
	if err != nil {
		t.Skip("qemu-io not found: install the package qemu-utils, or put an unpacked one into PATH")
	}
	d := New(64<<20, Export("disk"))
	defer d.Close()
	path := filepath.Join(shortDir(t), "nbd")
	l, err := net.Listen("unix", path)
	ok(t, err)
	defer l.Close()
	result := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			err = d.Serve(t.Context(), conn)
		}
		result <- err
	}()
	out, err := exec.CommandContext(t.Context(), qemuIO, "-f", "raw", "-t", "none",
		"-c", "write -P 65 0 1M", "-c", "write -f -P 66 1M 64k", "-c", "write -z -u 64k 64k", "-c", "discard 128k 64k", "-c", "flush",
		"-c", "read -P 65 0 64k", "-c", "read -P 0 64k 128k", "-c", "read -P 65 192k 832k", "-c", "read -P 66 1M 64k",
		"-c", "aio_write -P 67 2M 4k", "-c", "aio_read -P 0 3M 4k", "-c", "aio_flush",
		"nbd+unix:///disk?socket="+path).CombinedOutput()
	if err != nil || strings.Contains(string(out), "failed") {
		t.Fatalf("qemu-io: %v\n%s", err, out)
	}
	ok(t, <-result)
	var b [1]byte
	if _, err := d.ReadAt(b[:], 2<<20); err != nil || b[0] != 67 {
		t.Fatalf("byte %d, %v, want 67", b[0], err)
	}
}
