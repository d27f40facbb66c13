package disk

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxOption is the longest option a client may send, in bytes: an export name has at most 4096.
const maxOption = 16 << 10

// errAborted ends a handshake that the client broke off in the proper way.
var errAborted = errors.New("client aborted the handshake")

// handshake speaks the fixed newstyle negotiation for the one export of a disk.
type handshake struct {
	in     *bufio.Reader
	out    io.Writer
	size   int64
	export string
	// noZeroes: both sides agreed to leave out 124 bytes of padding after EXPORT_NAME.
	noZeroes bool
}

// run negotiates until the client has chosen the export.
func (h *handshake) run() error {
	var hello []byte
	hello = binary.BigEndian.AppendUint64(hello, magicInit)
	hello = binary.BigEndian.AppendUint64(hello, magicOption)
	hello = binary.BigEndian.AppendUint16(hello, flagFixedNewstyle|flagNoZeroes)
	if _, err := h.out.Write(hello); err != nil {
		return fmt.Errorf("send nbd greeting: %w", err)
	}
	if err := h.readFlags(); err != nil {
		return err
	}
	for {
		option, data, err := h.readOption()
		if err != nil {
			return err
		}
		chosen, err := h.answer(option, data)
		if chosen || err != nil {
			return err
		}
	}
}

// readFlags reads what the client can do. Without FIXED_NEWSTYLE it could not understand an error reply.
func (h *handshake) readFlags() error {
	var b [4]byte
	if _, err := io.ReadFull(h.in, b[:]); err != nil {
		return fmt.Errorf("read nbd client flags: %w", err)
	}
	flags := binary.BigEndian.Uint32(b[:])
	if flags&flagFixedNewstyle == 0 || flags&^(flagFixedNewstyle|flagNoZeroes) != 0 {
		return fmt.Errorf("read nbd client flags: %#x, want FIXED_NEWSTYLE and no more than NO_ZEROES beside it", flags)
	}
	h.noZeroes = flags&flagNoZeroes != 0
	return nil
}

func (h *handshake) readOption() (option uint32, data []byte, err error) {
	var b [16]byte
	if _, err := io.ReadFull(h.in, b[:]); err != nil {
		return 0, nil, fmt.Errorf("read nbd option: %w", err)
	}
	if magic := binary.BigEndian.Uint64(b[:]); magic != magicOption {
		return 0, nil, fmt.Errorf("read nbd option: magic %#x, want %#x", magic, uint64(magicOption))
	}
	length := binary.BigEndian.Uint32(b[12:])
	if length > maxOption {
		return 0, nil, fmt.Errorf("read nbd option: %d bytes, limit is %d", length, maxOption)
	}
	data = make([]byte, length)
	if _, err := io.ReadFull(h.in, data); err != nil {
		return 0, nil, fmt.Errorf("read nbd option: %w", err)
	}
	return binary.BigEndian.Uint32(b[8:]), data, nil
}

// answer replies to an option and reports whether the negotiation is over.
func (h *handshake) answer(option uint32, data []byte) (chosen bool, err error) {
	switch option {
	case optExportName:
		return true, h.exportName(string(data))
	case optAbort:
		// The client may be gone already: the answer is a courtesy.
		_ = h.reply(option, repAck, nil)
		return false, errAborted
	case optList:
		return false, h.list(data)
	case optInfo, optGo:
		return h.info(option, data)
	}
	return false, h.reply(option, repErrUnsup, nil)
}

// exportName ends the negotiation the old way, which has no error reply.
func (h *handshake) exportName(name string) error {
	if !h.serves(name) {
		return fmt.Errorf("open nbd export %q: unknown, want %q", name, h.export)
	}
	var b []byte
	b = binary.BigEndian.AppendUint64(b, uint64(h.size))
	b = binary.BigEndian.AppendUint16(b, exportFlags)
	if !h.noZeroes {
		b = append(b, make([]byte, 124)...)
	}
	_, err := h.out.Write(b)
	return err
}

func (h *handshake) serves(name string) bool { return name == "" || name == h.export }

func (h *handshake) list(data []byte) error {
	if len(data) != 0 {
		return h.reply(optList, repErrInvalid, nil)
	}
	entry := binary.BigEndian.AppendUint32(nil, uint32(len(h.export)))
	if err := h.reply(optList, repServer, append(entry, h.export...)); err != nil {
		return err
	}
	return h.reply(optList, repAck, nil)
}

// info answers INFO and GO; only GO ends the negotiation.
func (h *handshake) info(option uint32, data []byte) (chosen bool, err error) {
	name, ok := parseInfo(data)
	if !ok {
		return false, h.reply(option, repErrInvalid, nil)
	}
	if !h.serves(name) {
		return false, h.reply(option, repErrUnknown, nil)
	}
	export := binary.BigEndian.AppendUint16(nil, infoExport)
	export = binary.BigEndian.AppendUint64(export, uint64(h.size))
	export = binary.BigEndian.AppendUint16(export, exportFlags)
	// Any byte range will do; the preferred size is a page, so that clients do not read to write.
	blocks := binary.BigEndian.AppendUint16(nil, infoBlockSize)
	for _, n := range []uint32{1, 4096, maxPayload} {
		blocks = binary.BigEndian.AppendUint32(blocks, n)
	}
	for _, b := range [][]byte{export, blocks} {
		if err := h.reply(option, repInfo, b); err != nil {
			return false, err
		}
	}
	return option == optGo, h.reply(option, repAck, nil)
}

// parseInfo returns the export name of an INFO or GO option. What else the client asks for in it can be ignored.
func parseInfo(data []byte) (name string, ok bool) {
	if len(data) < 6 {
		return "", false
	}
	n := binary.BigEndian.Uint32(data)
	rest := data[4:]
	if uint64(n)+2 > uint64(len(rest)) {
		return "", false
	}
	asked := binary.BigEndian.Uint16(rest[n:])
	return string(rest[:n]), len(rest) == int(n)+2+2*int(asked)
}

// reply sends one option reply.
func (h *handshake) reply(option, kind uint32, data []byte) error {
	b := binary.BigEndian.AppendUint64(nil, magicReply)
	b = binary.BigEndian.AppendUint32(b, option)
	b = binary.BigEndian.AppendUint32(b, kind)
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	if _, err := h.out.Write(append(b, data...)); err != nil {
		return fmt.Errorf("answer nbd option %d: %w", option, err)
	}
	return nil
}
