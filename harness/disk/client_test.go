package disk

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// client is an NBD client for the tests. It knows the protocol from the specification, not from this package's constants, where
// that matters for the check.
type client struct {
	net  net.Conn
	size int64
	// sending is held while a request is written; the reader does not need it.
	sending sync.Mutex

	mu      sync.Mutex
	handle  uint64
	waiting map[uint64]*call
	gone    error
	done    chan struct{}
}

// call is a request that was sent.
type call struct {
	data  []byte // what a read returned
	want  int
	errno Errno
	err   error
	done  chan struct{}
}

// wait returns the answer's error.
func (c *call) wait() error {
	<-c.done
	switch {
	case c.err != nil:
		return c.err
	case c.errno != 0:
		return answerError{c.errno}
	}
	return nil
}

// answered reports whether the answer is there.
func (c *call) answered() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

type answerError struct{ errno Errno }

func (e answerError) Error() string { return "answered " + e.errno.String() }

// hasErrno reports whether the answer bore the error.
func hasErrno(err error, errno Errno) bool {
	var a answerError
	return errors.As(err, &a) && a.errno == errno
}

// dial performs the handshake with GO and starts the reader.
func dial(conn net.Conn, export string) (*client, error) {
	c := &client{net: conn, waiting: make(map[uint64]*call), done: make(chan struct{})}
	var hello [18]byte
	if _, err := io.ReadFull(conn, hello[:]); err != nil {
		return nil, err
	}
	if want := "NBDMAGICIHAVEOPT\x00\x03"; string(hello[:]) != want {
		return nil, fmt.Errorf("greeting %q, want %q", hello, want)
	}
	if _, err := conn.Write([]byte{0, 0, 0, 3}); err != nil {
		return nil, err
	}
	if err := c.goOption(export); err != nil {
		return nil, err
	}
	go c.read()
	return c, nil
}

func (c *client) goOption(export string) error {
	data := binary.BigEndian.AppendUint32(nil, uint32(len(export)))
	data = append(append(data, export...), 0, 1, 0, 3)
	if _, err := c.net.Write(option(7, data)); err != nil {
		return err
	}
	for {
		kind, data, err := readOptionReply(c.net)
		switch {
		case err != nil:
			return err
		case kind == 1:
			return nil
		case kind != 3:
			return fmt.Errorf("option reply %#x", kind)
		case binary.BigEndian.Uint16(data) == 0:
			c.size = int64(binary.BigEndian.Uint64(data[2:]))
		}
	}
}

func option(number uint32, data []byte) []byte {
	b := append([]byte("IHAVEOPT"), 0, 0, 0, byte(number))
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	return append(b, data...)
}

func readOptionReply(r io.Reader) (kind uint32, data []byte, err error) {
	var b [20]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, nil, err
	}
	data = make([]byte, binary.BigEndian.Uint32(b[16:]))
	_, err = io.ReadFull(r, data)
	return binary.BigEndian.Uint32(b[12:]), data, err
}

func (c *client) read() {
	defer close(c.done)
	err := c.readReplies()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = err
	for _, w := range c.waiting {
		w.err = err
		close(w.done)
	}
	c.waiting = nil
}

func (c *client) readReplies() error {
	for {
		var b [16]byte
		if _, err := io.ReadFull(c.net, b[:]); err != nil {
			return err
		}
		if binary.BigEndian.Uint32(b[:]) != 0x67446698 {
			return fmt.Errorf("reply magic %x", b[:4])
		}
		c.mu.Lock()
		w := c.waiting[binary.BigEndian.Uint64(b[8:])]
		delete(c.waiting, binary.BigEndian.Uint64(b[8:]))
		c.mu.Unlock()
		if w == nil {
			return fmt.Errorf("answer to a request never sent, or sent once and answered twice")
		}
		if err := c.finish(w, Errno(binary.BigEndian.Uint32(b[4:]))); err != nil {
			return err
		}
	}
}

func (c *client) finish(w *call, errno Errno) error {
	defer close(w.done)
	w.errno = errno
	if errno != 0 || w.want == 0 {
		return nil
	}
	if cap(w.data) < w.want {
		w.data = make([]byte, w.want)
	}
	w.data = w.data[:w.want]
	_, w.err = io.ReadFull(c.net, w.data)
	return w.err
}

// send sends a request; the answer comes to the call.
func (c *client) send(cmd, flags uint16, off uint64, length uint32, payload []byte) *call {
	w := &call{done: make(chan struct{})}
	c.sendFor(w, cmd, flags, off, length, payload)
	return w
}

// sendFor is send with a call, and so a buffer, of the caller's.
func (c *client) sendFor(w *call, cmd, flags uint16, off uint64, length uint32, payload []byte) {
	if cmd == 0 {
		w.want = int(length)
	}
	handle, alive := c.enlist(w)
	if !alive {
		return
	}
	b := make([]byte, 0, 28)
	b = binary.BigEndian.AppendUint32(b, 0x25609513)
	b = binary.BigEndian.AppendUint16(b, flags)
	b = binary.BigEndian.AppendUint16(b, cmd)
	b = binary.BigEndian.AppendUint64(b, handle)
	b = binary.BigEndian.AppendUint64(b, off)
	b = binary.BigEndian.AppendUint32(b, length)
	buffers := net.Buffers{b}
	if len(payload) > 0 {
		buffers = append(buffers, payload)
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	// An error shows at the reader, which ends the calls that wait.
	_, _ = buffers.WriteTo(c.net)
}

// enlist gives the call a handle; if the connection has ended, it ends the call instead.
func (c *client) enlist(w *call) (handle uint64, alive bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		w.err = c.gone
		close(w.done)
		return 0, false
	}
	c.handle++
	c.waiting[c.handle] = w
	return c.handle, true
}

func (c *client) readAsync(off int64, n int) *call { return c.send(0, 0, uint64(off), uint32(n), nil) }
func (c *client) writeAsync(off int64, p []byte) *call {
	return c.send(1, 0, uint64(off), uint32(len(p)), p)
}
func (c *client) flushAsync() *call { return c.send(3, 0, 0, 0, nil) }

func (c *client) write(off int64, p []byte) error { return c.writeAsync(off, p).wait() }
func (c *client) writeFUA(off int64, p []byte) error {
	return c.send(1, 1, uint64(off), uint32(len(p)), p).wait()
}
func (c *client) flush() error { return c.flushAsync().wait() }
func (c *client) trim(off int64, n int) error {
	return c.send(4, 0, uint64(off), uint32(n), nil).wait()
}
func (c *client) zero(off int64, n int) error {
	return c.send(6, 0, uint64(off), uint32(n), nil).wait()
}

// leave says DISC and waits for the server to close.
func (c *client) leave() {
	c.send(2, 0, 0, 0, nil)
	<-c.done
	c.net.Close()
}

// served is a disk with one client.
type served struct {
	*Disk
	*client
	// serveErr is Serve's result; it can be received once.
	serveErr chan error
}

// serve connects a client to the disk through a socket pair, and ends everything with the test.
func serve(t testing.TB, d *Disk) *served {
	t.Helper()
	near, far := socketPair(t)
	result := make(chan error, 1)
	go func() { result <- d.Serve(t.Context(), far) }()
	c, err := dial(near, "")
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(func() {
		near.Close()
		d.Close()
		<-c.done
	})
	return &served{Disk: d, client: c, serveErr: result}
}

// socketPair returns the two ends of a stream socket of the kind QEMU connects with.
func socketPair(t testing.TB) (near, far net.Conn) {
	t.Helper()
	path := filepath.Join(shortDir(t), "nbd")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// The kernel completes a connection to a listening unix socket before it is accepted.
	if near, err = net.Dial("unix", path); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return near, far
}

// shortDir returns a directory whose name fits into the 108 bytes of a socket address, unlike TempDir with long test names.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "disk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// fill returns n bytes b.
func fill(b byte, n int) []byte { return bytes.Repeat([]byte{b}, n) }

// expect fails the test unless the client reads these bytes at off.
func (s *served) expect(t testing.TB, off int64, want []byte) {
	t.Helper()
	call := s.readAsync(off, len(want))
	if err := call.wait(); err != nil {
		t.Fatalf("read at %#x: %v", off, err)
	}
	if i := firstDifference(call.data, want); i >= 0 {
		t.Fatalf("read at %#x: byte %#x is %q, want %q", off, off+int64(i), call.data[i], want[i])
	}
}

// firstDifference returns the index of the first byte that differs, -1 if none does.
func firstDifference(a, b []byte) int {
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return i
		}
	}
	if len(b) > len(a) {
		return len(a)
	}
	return -1
}

func mustAwait(t testing.TB, d *Disk, n int) []Request {
	t.Helper()
	held, err := d.AwaitHeld(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return held
}

func ok(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// canceled returns a context that has ended.
func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
