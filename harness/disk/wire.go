package disk

import (
	"encoding/binary"
	"fmt"
)

// The numbers of the NBD protocol, by their names in its specification (doc/proto.md of NetworkBlockDevice/nbd) without NBD_.
const (
	magicInit    = 0x4e42444d41474943 // "NBDMAGIC"
	magicOption  = 0x49484156454f5054 // "IHAVEOPT"
	magicReply   = 0x0003e889045565a9 // of an option
	magicRequest = 0x25609513
	magicSimple  = 0x67446698 // of a simple reply

	flagFixedNewstyle = 1 << 0 // in both directions
	flagNoZeroes      = 1 << 1

	optExportName = 1
	optAbort      = 2
	optList       = 3
	optInfo       = 6
	optGo         = 7

	repAck        = 1
	repServer     = 2
	repInfo       = 3
	repErrUnsup   = 1<<31 + 1
	repErrInvalid = 1<<31 + 3
	repErrUnknown = 1<<31 + 6

	infoExport    = 0
	infoBlockSize = 3

	flagHasFlags   = 1 << 0
	flagSendFlush  = 1 << 2
	flagSendFUA    = 1 << 3
	flagSendTrim   = 1 << 5
	flagSendZeroes = 1 << 6

	cmdRead   = 0
	cmdWrite  = 1
	cmdDisc   = 2
	cmdFlush  = 3
	cmdTrim   = 4
	cmdZeroes = 6

	cmdFlagFUA    = 1 << 0
	cmdFlagNoHole = 1 << 1
)

// exportFlags is what the disk can do. It does not say CAN_MULTI_CONN: a client uses one connection, so that the order in which
// its requests arrive is the order in which it sent them.
const exportFlags = flagHasFlags | flagSendFlush | flagSendFUA | flagSendTrim | flagSendZeroes

// maxPayload is the longest read or write in bytes, the protocol's default; it is also told to clients.
const maxPayload = 32 << 20

// headerSize and replySize are the bytes of a request without its payload and of a simple reply without its data.
const (
	headerSize = 28
	replySize  = 16
)

// header is a request as it stands on the wire.
type header struct {
	flags  uint16
	cmd    uint16
	handle uint64
	off    uint64 // in bytes
	length uint32 // in bytes
}

// parseHeader reads a request header. A wrong magic, an unknown command with what may be a payload behind it, or a write of
// more than maxPayload leaves no way to find the next request: that is an error.
func parseHeader(b [headerSize]byte) (header, error) {
	if magic := binary.BigEndian.Uint32(b[0:]); magic != magicRequest {
		return header{}, fmt.Errorf("parse nbd request: magic %#x, want %#x", magic, uint32(magicRequest))
	}
	h := header{
		flags:  binary.BigEndian.Uint16(b[4:]),
		cmd:    binary.BigEndian.Uint16(b[6:]),
		handle: binary.BigEndian.Uint64(b[8:]),
		off:    binary.BigEndian.Uint64(b[16:]),
		length: binary.BigEndian.Uint32(b[24:]),
	}
	if h.cmd == cmdWrite && h.length > maxPayload {
		return header{}, fmt.Errorf("parse nbd request: write of %d bytes, limit is %d", h.length, maxPayload)
	}
	return h, nil
}

// op returns the operation of the command, false if the disk has none for it.
func (h header) op() (Op, bool) {
	switch h.cmd {
	case cmdRead:
		return OpRead, true
	case cmdWrite:
		return OpWrite, true
	case cmdFlush:
		return OpFlush, true
	case cmdTrim:
		return OpTrim, true
	case cmdZeroes:
		return OpZero, true
	}
	return 0, false
}

// request returns the header as a Request without ID and connection. An unknown command is shown as a read.
func (h header) request() Request {
	op, _ := h.op()
	r := Request{Op: op, FUA: h.flags&cmdFlagFUA != 0}
	if op != OpFlush {
		r.Range = rangeOf(h.off, h.length)
	}
	return r
}

// check returns the error that the protocol wants for a request that a disk of size bytes cannot carry out, 0 if it can: EINVAL
// for an unknown command or flag, for an overlong read, and for a read or trim beyond the end; ENOSPC for a write or zeroing
// beyond the end.
func (h header) check(size int64) Errno {
	op, known := h.op()
	allowed := uint16(cmdFlagFUA)
	if op == OpZero {
		allowed |= cmdFlagNoHole
	}
	switch {
	case !known, h.flags&^allowed != 0, op == OpRead && h.length > maxPayload:
		return EINVAL
	case op == OpFlush:
		return 0
	case h.off <= uint64(size) && uint64(h.length) <= uint64(size)-h.off:
		return 0
	case op == OpWrite || op == OpZero:
		return ENOSPC
	}
	return EINVAL
}

// appendReply appends a simple reply without data.
func appendReply(out []byte, handle uint64, errno Errno) []byte {
	out = binary.BigEndian.AppendUint32(out, magicSimple)
	out = binary.BigEndian.AppendUint32(out, uint32(errno))
	return binary.BigEndian.AppendUint64(out, handle)
}
