package attach

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// Operations of linux/fuse.h, version 7.31.
const (
	opForget      = 2
	opGetattr     = 3
	opSetattr     = 4
	opOpen        = 14
	opRead        = 15
	opWrite       = 16
	opStatfs      = 17
	opRelease     = 18
	opFsync       = 20
	opFlush       = 25
	opInit        = 26
	opAccess      = 34
	opInterrupt   = 36
	opDestroy     = 38
	opBatchForget = 42
	opFallocate   = 43
)

// Sizes of structures in bytes: fuse_in_header, fuse_out_header, fuse_write_in, fuse_kstatfs.
const (
	fuseHeader  = 40
	fuseReply   = 16
	writeHeader = 40
	statfsSize  = 80
)

// maxWrite is the longest request in bytes, of maxPages pages.
const (
	maxPages = 256
	maxWrite = maxPages * 4096
)

// What is negotiated: reads and direct I/O go on side by side, and requests are as long as maxPages.
const (
	fuseAsyncRead = 1 << 0
	fuseBigWrites = 1 << 5
	fuseAsyncDIO  = 1 << 15
	fuseMaxPages  = 1 << 22

	fuseMinor = 31
)

// maxBackground is how many requests may be under way: more than a loop device has.
const maxBackground = 1024

// What an open file is: without a page cache, and its writes lock nobody out.
const (
	openDirectIO       = 1 << 0
	openParallelWrites = 1 << 6
)

// The modes of fallocate(2).
const (
	fallocPunch = unix.FALLOC_FL_PUNCH_HOLE
	fallocZero  = unix.FALLOC_FL_ZERO_RANGE
)

// The transmission phase of NBD.
const (
	nbdRequestMagic = 0x25609513
	nbdRequestSize  = 28
	nbdReplySize    = 16

	nbdRead, nbdWrite, nbdFlush, nbdTrim, nbdZero = 0, 1, 3, 4, 6
)

// inHeader is what is of interest in fuse_in_header.
type inHeader struct {
	opcode uint32
	unique uint64
}

func parseIn(req []byte) inHeader {
	return inHeader{opcode: binary.NativeEndian.Uint32(req[4:]), unique: binary.NativeEndian.Uint64(req[8:])}
}

// command is a request as NBD has it.
type command struct {
	nbd    uint16
	off    int64
	length int
	data   []byte
}

// translate makes a command of a request that is the disk's affair; ok is false for any other.
func translate(head inHeader, body []byte) (c command, ok bool) {
	u64 := func(at int) int64 { return int64(binary.NativeEndian.Uint64(body[at:])) }
	u32 := func(at int) int { return int(binary.NativeEndian.Uint32(body[at:])) }
	switch head.opcode {
	case opRead: // fh, offset, size
		return command{nbd: nbdRead, off: u64(8), length: u32(16)}, true
	case opWrite:
		n := u32(16)
		return command{nbd: nbdWrite, off: u64(8), length: n, data: body[writeHeader : writeHeader+n]}, true
	case opFsync:
		return command{nbd: nbdFlush}, true
	case opFallocate: // fh, offset, length, mode
		return fallocate(u64(8), u64(16), u32(24))
	}
	return command{}, false
}

// fallocate is how a loop device discards and zeroes.
func fallocate(off, length int64, mode int) (command, bool) {
	c := command{off: off, length: int(length)}
	switch {
	case mode&fallocPunch != 0:
		c.nbd = nbdTrim
	case mode&fallocZero != 0:
		c.nbd = nbdZero
	default:
		return c, false
	}
	return c, true
}

// initReply is fuse_init_out.
func initReply(body []byte) []byte {
	offered := binary.NativeEndian.Uint32(body[12:])
	le := binary.NativeEndian
	out := make([]byte, 64)
	le.PutUint32(out[0:], 7)
	le.PutUint32(out[4:], fuseMinor)
	le.PutUint32(out[8:], binary.NativeEndian.Uint32(body[8:])) // max_readahead
	le.PutUint32(out[12:], offered&(fuseAsyncRead|fuseBigWrites|fuseAsyncDIO|fuseMaxPages))
	le.PutUint16(out[16:], maxBackground)
	le.PutUint16(out[18:], maxBackground) // congestion_threshold
	le.PutUint32(out[20:], maxWrite)
	le.PutUint32(out[24:], 1) // time_gran
	le.PutUint16(out[28:], maxPages)
	return out
}

// openReply is fuse_open_out.
func openReply() []byte {
	out := make([]byte, 16)
	binary.NativeEndian.PutUint32(out[8:], openDirectIO|openParallelWrites)
	return out
}

// attributes is fuse_attr_out of the file, valid for an hour.
func (b *bridge) attributes() []byte {
	const hour = 3600
	le := binary.NativeEndian
	out := make([]byte, 16+88)
	le.PutUint64(out[0:], hour)
	attr := out[16:]
	le.PutUint64(attr[0:], 1) // ino
	le.PutUint64(attr[8:], uint64(b.size))
	le.PutUint64(attr[16:], uint64(b.size/sector))
	le.PutUint32(attr[60:], unix.S_IFREG|0o600)
	le.PutUint32(attr[64:], 1) // nlink
	le.PutUint32(attr[80:], 4096)
	return out
}
