package disk

import (
	"errors"
	"fmt"
	"sync"
)

// ErrClosed is the error of whatever is asked of a disk after Close.
var ErrClosed = errors.New("the disk is closed")

// Disk is a block device in memory whose requests can be held, failed, delayed and falsified. Its methods may be called by
// several goroutines at once.
type Disk struct {
	size      int64  // in bytes; does not change
	export    string // name of the NBD export; does not change
	afterStop sync.WaitGroup

	// mu protects everything below, the bytes of the contents included: a request arrives, passes the rules and is carried
	// out in one critical section. It is a leaf but for the queue lock of a connection (answerQueue.mu), and nothing waits,
	// reads or writes a socket under it, but for what OpenImage says of files that are not in the host's page cache.
	mu sync.Mutex
	// now is what a read sees.
	now contents
	// mark is what a stale read sees; nil until MarkStale or Stale.
	mark *Image
	// power knows what is durable; nil unless the disk was made with EnableCut.
	power *power
	// generation counts power cuts; a connection of an earlier one is dead.
	generation int
	closed     bool

	conns    map[*conn]struct{}
	lastConn int

	holds    []hold
	lastHold HoldID
	rules    []rule
	// held are the requests that holds keep, in the order of arrival.
	held []*pending
	// away are requests that were held when the disk was shelved and that the client has not asked for again.
	away []*pending
	// shelved says that the disk has handed on what it was; see shelve.go.
	shelved bool
	// delayed are the requests that Delay rules keep.
	delayed map[RequestID]*pending
	// more is closed and replaced when a request is held and when the disk is closed: AwaitHeld waits for it.
	more chan struct{}

	lastID   RequestID
	seq      uint64
	ring     ring
	recorder func(Event)
}

// Option adjusts a disk at its construction.
type Option func(*Disk)

// EnableCut makes the disk remember what is durable, so that Cut can be used. Every write is then copied twice more, and what
// is written takes twice the memory.
func EnableCut() Option {
	return func(d *Disk) {
		d.power = new(power)
		d.power.reset(&d.now)
	}
}

// Export names the NBD export; without it the name is empty. A client that asks for the empty name gets it in any case.
func Export(name string) Option { return func(d *Disk) { d.export = name } }

// New returns a disk of size bytes, all zero. It takes memory only for what is written, in chunks of 64 KiB. It panics if size
// is negative. Close releases it.
func New(size int64, options ...Option) *Disk {
	if size < 0 {
		panic(fmt.Sprintf("disk: New with size %d", size))
	}
	d := &Disk{
		size:    size,
		now:     newContents(size),
		conns:   make(map[*conn]struct{}),
		delayed: make(map[RequestID]*pending),
		more:    make(chan struct{}),
	}
	for _, o := range options {
		o(d)
	}
	return d
}

// Size returns the size of the disk in bytes.
func (d *Disk) Size() int64 { return d.size }

// Allocated returns how many bytes of memory the contents take, chunks shared with images included.
func (d *Disk) Allocated() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now.allocated()
}

// Close answers every held and delayed request with ESHUTDOWN, ends every connection, waits until every Serve has ended, and
// frees the contents; images stay usable. A client that does not take its answers delays it by drainTime at most. Closing
// again does nothing.
func (d *Disk) Close() {
	d.mu.Lock()
	if !d.closed {
		d.closed = true
		d.shutDownPendingLocked()
		close(d.more)
		for c := range d.conns {
			c.stop()
		}
	}
	d.mu.Unlock()

	d.afterStop.Wait()

	d.mu.Lock()
	defer d.mu.Unlock()
	d.now, d.mark, d.power = contents{size: 0}, nil, nil
}

// ReadAt reads the contents as a read request would find them now, whatever rules there are; it implements io.ReaderAt.
func (d *Disk) ReadAt(p []byte, off int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return 0, fmt.Errorf("read disk at %d: %w", off, ErrClosed)
	}
	return readContents(&d.now, p, off)
}

// WriteAt changes the contents behind the back of every client, durably and whatever rules there are, without an event; it
// implements io.WriterAt. A range that does not lie on the disk is an error, and nothing is written.
func (d *Disk) WriteAt(p []byte, off int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return 0, fmt.Errorf("write disk at %d: %w", off, ErrClosed)
	}
	if off < 0 || off > d.size || int64(len(p)) > d.size-off {
		return 0, fmt.Errorf("write disk at %d: %d bytes do not fit on a disk of %d", off, len(p), d.size)
	}
	d.now.writeAt(p, off)
	if d.power != nil {
		d.power.add(Request{Op: OpWrite, Range: Range{off, off + int64(len(p))}, FUA: true}, p)
	}
	return len(p), nil
}
