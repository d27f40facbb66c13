package disk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// drainTime is how long a connection that is being ended waits for its client to take the last answers.
const drainTime = time.Second

const (
	// inputSize is the buffer for requests. Payloads up to it are used where they stand, without a copy.
	inputSize = 128 << 10
	// batchSize is how many bytes of answers are gathered before they are sent, as long as there are requests to read.
	batchSize = 256 << 10
	// sendSize is the wanted size of the socket's send buffer. With Linux's default of 208 KiB, reads of 1 MiB through QEMU 7.2
	// are slower by 30 % (medians of three: 4.1 against 5.9 GB/s).
	sendSize = 1 << 20
	// keepSize is the largest buffer kept from one request to the next.
	keepSize = 4 << 20
)

// conn is one NBD connection. Its reader carries requests out itself; only what was kept is answered by another goroutine, that
// of late.
type conn struct {
	disk       *Disk
	net        net.Conn
	number     int
	generation int
	late       *answerQueue

	// sending is held to send answers whole. It may be held while the client makes us wait: no other lock is taken under it.
	sending sync.Mutex

	// What follows belongs to the reader.
	in      *bufio.Reader
	batch   []byte // answers not sent yet
	payload []byte // buffer for payloads longer than inputSize
}

// Serve speaks NBD with one client until the client disconnects, ctx ends or the disk is closed, and closes the connection. It
// returns when everything it started has ended; requests still held for the connection are dropped.
//
// It returns nil if the client disconnected or just went away after the handshake, ctx's error or ErrClosed if it was ended,
// and any other error if the client does not speak the protocol or failed to finish the handshake.
func (d *Disk) Serve(ctx context.Context, nc net.Conn) error {
	return d.serve(ctx, nc, (*conn).greet)
}

// Resume is Serve for a client that has finished the handshake for a disk of this size on another connection, which nc stands in for. No request of
// it may be under way.
func (d *Disk) Resume(ctx context.Context, nc net.Conn) error {
	return d.serve(ctx, nc, func(*conn) error { return nil })
}

// serve is Serve, with a way to begin.
func (d *Disk) serve(ctx context.Context, nc net.Conn, begin func(*conn) error) error {
	defer nc.Close()
	c, err := d.connect(nc)
	if err != nil {
		return err
	}
	defer d.disconnect(c)
	stopped := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		defer close(stopped)
		c.stop()
	})
	err = c.serve(begin)
	if !unwatch() {
		<-stopped
		return fmt.Errorf("serve nbd connection: %w", context.Cause(ctx))
	}
	if d.isClosed() {
		return fmt.Errorf("serve nbd connection: %w", ErrClosed)
	}
	return err
}

func (d *Disk) connect(nc net.Conn) (*conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, fmt.Errorf("serve nbd connection: %w", ErrClosed)
	}
	d.lastConn++
	c := &conn{disk: d, net: nc, number: d.lastConn, generation: d.generation}
	c.in = bufio.NewReaderSize(flusher{c}, inputSize)
	if s, ok := nc.(interface{ SetWriteBuffer(bytes int) error }); ok {
		// Without room the kernel limits it silently; a socket that refuses works all the same.
		_ = s.SetWriteBuffer(sendSize)
	}
	c.late = newAnswerQueue(c.send)
	d.conns[c] = struct{}{}
	d.afterStop.Add(1)
	return c, nil
}

// disconnect takes back what connect did and waits for the answers that are on their way.
func (d *Disk) disconnect(c *conn) {
	c.stop()
	d.mu.Lock()
	d.dropPendingLocked(c)
	delete(d.conns, c)
	d.mu.Unlock()
	c.late.end()
	d.afterStop.Done()
}

func (d *Disk) isClosed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}

// stop makes the reader end at once and limits the time for sending answers. It does not wait, and may be called at any time.
func (c *conn) stop() {
	// The only error is that the connection is closed already.
	_ = c.net.SetReadDeadline(time.Unix(1, 0))
	_ = c.net.SetWriteDeadline(time.Now().Add(drainTime))
}

// greet does the handshake.
func (c *conn) greet() error {
	h := handshake{in: c.in, out: c.net, size: c.disk.size, export: c.disk.export}
	return h.run()
}

func (c *conn) serve(begin func(*conn) error) error {
	switch err := begin(c); {
	case errors.Is(err, errAborted):
		return nil
	case err != nil:
		return fmt.Errorf("serve nbd connection: %w", err)
	}
	if err := c.transmit(); err != nil && !gone(err) {
		return fmt.Errorf("serve nbd connection: %w", err)
	}
	return nil
}

// gone reports whether the error means that the client went away, which a killed QEMU does in the middle of anything.
func gone(err error) bool {
	for _, e := range []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// transmit handles requests until DISC or an error.
func (c *conn) transmit() error {
	for {
		h, err := c.readHeader()
		if err != nil {
			return err
		}
		if h.cmd == cmdDisc {
			return c.flush()
		}
		if err := c.handle(h); err != nil {
			return err
		}
		if len(c.batch) >= batchSize {
			if err := c.flush(); err != nil {
				return err
			}
		}
	}
}

func (c *conn) readHeader() (header, error) {
	var b [headerSize]byte
	if _, err := io.ReadFull(c.in, b[:]); err != nil {
		return header{}, fmt.Errorf("read nbd request: %w", err)
	}
	return parseHeader(b)
}

// handle reads the payload of a request, if it has one, and gives both to the disk.
func (c *conn) handle(h header) error {
	if h.cmd != cmdWrite {
		c.batch = c.disk.arrive(c, h, nil, c.batch)
		return nil
	}
	n := int(h.length)
	if n <= inputSize {
		payload, err := c.in.Peek(n)
		if err != nil {
			return fmt.Errorf("read nbd payload: %w", err)
		}
		c.batch = c.disk.arrive(c, h, payload, c.batch)
		_, err = c.in.Discard(n)
		return err
	}
	if cap(c.payload) < n {
		c.payload = make([]byte, n)
	}
	if _, err := io.ReadFull(c.in, c.payload[:n]); err != nil {
		return fmt.Errorf("read nbd payload: %w", err)
	}
	c.batch = c.disk.arrive(c, h, c.payload[:n], c.batch)
	if n > keepSize {
		c.payload = nil
	}
	return nil
}

// flush sends the answers gathered so far.
func (c *conn) flush() error {
	if len(c.batch) == 0 {
		return nil
	}
	err := c.send(c.batch)
	c.batch = c.batch[:0]
	if cap(c.batch) > keepSize {
		c.batch = nil
	}
	return err
}

// send writes whole answers to the client.
func (c *conn) send(b []byte) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	if _, err := c.net.Write(b); err != nil {
		return fmt.Errorf("send nbd answer: %w", err)
	}
	return nil
}

// flusher reads from the client, but first sends the answers that the client may be waiting for.
type flusher struct{ c *conn }

func (f flusher) Read(p []byte) (int, error) {
	if err := f.c.flush(); err != nil {
		return 0, err
	}
	return f.c.net.Read(p)
}
