package attach

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// bridge passes on to a disk, as NBD, what the kernel asks of the one file. Reads, writes, flushes, trims and zeroings go on without
// waiting for each other; the rest is answered here. A request's FUSE number is its NBD handle.
type bridge struct {
	fuse    int   // /dev/fuse
	size    int64 // of the file, in bytes
	serving *serving
	disk    *os.File
	stopped atomic.Bool

	mu    sync.Mutex
	asked map[uint64]question // what the disk has not answered, by number
}

// question is what the kernel asked.
type question struct {
	opcode uint32
	length int // bytes that it wants read, or has written
}

// requests reads from the kernel until the file is unmounted.
func (b *bridge) requests() {
	buf := make([]byte, maxWrite+fuseHeader+4096)
	for {
		if !b.await() {
			return
		}
		n, err := unix.Read(b.fuse, buf)
		switch {
		case err == unix.EINTR || err == unix.EAGAIN || err == unix.ENOENT: // ENOENT: the request was interrupted before it was read
			continue
		case err != nil:
			b.stop()
			return // ENODEV: it is unmounted
		}
		if err := b.take(buf[:n]); err != nil {
			b.stop()
			return
		}
	}
}

// awaitFor is how long a look for requests lasts before it is looked whether they are still wanted, in milliseconds.
const awaitFor = 200

// await waits for a request; false says that the bridge was stopped.
func (b *bridge) await() bool {
	for !b.stopped.Load() {
		fds := []unix.PollFd{{Fd: int32(b.fuse), Events: unix.POLLIN}}
		if n, err := unix.Poll(fds, awaitFor); n > 0 || err != nil && err != unix.EINTR {
			return true
		}
	}
	return false
}

// stop ends the connection to the disk, and with it requests and answers.
func (b *bridge) stop() {
	b.stopped.Store(true)
	b.serving.stop()
}

// take handles one request.
func (b *bridge) take(req []byte) error {
	head := parseIn(req)
	body := req[fuseHeader:]
	switch head.opcode {
	case opInit:
		return b.reply(head.unique, 0, initReply(body))
	case opGetattr, opSetattr:
		return b.reply(head.unique, 0, b.attributes())
	case opOpen:
		return b.reply(head.unique, 0, openReply())
	case opFlush, opRelease, opAccess:
		return b.reply(head.unique, 0, nil)
	case opForget, opBatchForget, opInterrupt, opDestroy:
		return nil // they want no answer
	case opStatfs:
		return b.reply(head.unique, 0, make([]byte, statfsSize))
	}
	cmd, ok := translate(head, body)
	if !ok {
		return b.reply(head.unique, unix.ENOSYS, nil)
	}
	return b.pass(head, cmd)
}

// pass sends a request to the disk.
func (b *bridge) pass(head inHeader, cmd command) error {
	b.mu.Lock()
	b.asked[head.unique] = question{head.opcode, cmd.length}
	b.mu.Unlock()
	var out [nbdRequestSize]byte
	binary.BigEndian.PutUint32(out[0:], nbdRequestMagic)
	binary.BigEndian.PutUint16(out[6:], cmd.nbd)
	binary.BigEndian.PutUint64(out[8:], head.unique)
	binary.BigEndian.PutUint64(out[16:], uint64(cmd.off))
	binary.BigEndian.PutUint32(out[24:], uint32(cmd.length))
	if _, err := b.disk.Write(out[:]); err != nil {
		return fmt.Errorf("ask the disk: %w", err)
	}
	if _, err := b.disk.Write(cmd.data); err != nil {
		return fmt.Errorf("ask the disk: %w", err)
	}
	return nil
}

// answers reads from the disk until its connection ends. What it will not answer any more then fails.
func (b *bridge) answers() {
	for b.answer() == nil {
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for unique := range b.asked {
		_ = b.reply(unique, unix.EIO, nil)
	}
	b.asked = map[uint64]question{}
}

// answer takes one.
func (b *bridge) answer() error {
	var in [nbdReplySize]byte
	if _, err := io.ReadFull(b.disk, in[:]); err != nil {
		return err
	}
	unique := binary.BigEndian.Uint64(in[8:])
	b.mu.Lock()
	q := b.asked[unique]
	delete(b.asked, unique)
	b.mu.Unlock()
	if errno := binary.BigEndian.Uint32(in[4:]); errno != 0 {
		return b.reply(unique, unix.Errno(errno), nil)
	}
	var data []byte
	switch q.opcode {
	case opRead:
		data = make([]byte, q.length)
		if _, err := io.ReadFull(b.disk, data); err != nil {
			return err
		}
	case opWrite:
		data = binary.NativeEndian.AppendUint32(nil, uint32(q.length))
		data = append(data, 0, 0, 0, 0)
	}
	return b.reply(unique, 0, data)
}

// reply answers the kernel. A request that it has given up meanwhile is no fault.
func (b *bridge) reply(unique uint64, errno unix.Errno, data []byte) error {
	var out bytes.Buffer
	for _, v := range []any{uint32(fuseReply + len(data)), -int32(errno), unique} {
		_ = binary.Write(&out, binary.NativeEndian, v) // a buffer takes everything
	}
	out.Write(data)
	if _, err := unix.Write(b.fuse, out.Bytes()); err != nil && err != unix.ENOENT {
		return fmt.Errorf("answer the kernel: %w", err)
	}
	return nil
}
