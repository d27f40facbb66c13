package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// The kernel's build compresses vmlinux with `xz --x86 --lzma2` (scripts/xz_wrap.sh), a filter chain that Go's xz package does not
// know. So the container is read here, its LZMA2 data by the package, and the x86 filter is undone here.

const (
	filterX86   = 0x04
	filterLZMA2 = 0x21
)

// openKernelXZ opens the only block of an xz stream whose filters are LZMA2, or x86 and LZMA2. The check sum at its end is not
// verified: the caller checks the ELF image.
func openKernelXZ(payload []byte) (io.Reader, error) {
	const streamHeader = 12
	if len(payload) < streamHeader+8 {
		return nil, io.ErrUnexpectedEOF
	}
	block := payload[streamHeader:]
	size := (int(block[0]) + 1) * 4
	if len(block) < size {
		return nil, io.ErrUnexpectedEOF
	}
	filters, dictionary, err := parseFilters(block[:size])
	if err != nil {
		return nil, err
	}
	if dictionary > maxDictionary {
		return nil, fmt.Errorf("dictionary of %d bytes is too large", dictionary)
	}
	config := lzma.Reader2Config{DictCap: dictionary}
	reader, err := config.NewReader2(bytes.NewReader(block[size:]))
	if err != nil {
		return nil, err
	}
	if len(filters) == 1 {
		return reader, nil
	}
	image, err := io.ReadAll(reader)
	if err != nil {
		return nil, err
	}
	undoX86(image)
	return bytes.NewReader(image), nil
}

// parseFilters reads an xz block header: its size, flags, optional sizes, then for each filter its id, the size of its properties
// and these.
func parseFilters(block []byte) (ids []uint64, dictionary int, err error) {
	flags := block[1]
	rest := block[2:]
	number := func() uint64 {
		n, used := binary.Uvarint(rest)
		if used <= 0 {
			err = errors.New("bad block header")
			return 0
		}
		rest = rest[used:]
		return n
	}
	for _, present := range []byte{0x40, 0x80} {
		if flags&present != 0 {
			number()
		}
	}
	for range int(flags&3) + 1 {
		id, size := number(), number()
		if err != nil || size > uint64(len(rest)) {
			return nil, 0, errors.New("bad block header")
		}
		if id == filterLZMA2 && size == 1 {
			dictionary = dictionarySize(rest[0])
		}
		rest = rest[size:]
		ids = append(ids, id)
	}
	return ids, dictionary, checkFilters(ids)
}

func checkFilters(ids []uint64) error {
	last := len(ids) - 1
	if ids[last] != filterLZMA2 || last > 1 || (last == 1 && ids[0] != filterX86) {
		return fmt.Errorf("filters %#x, want lzma2 or x86 and lzma2", ids)
	}
	return nil
}

// maxDictionary bounds what a damaged header can make us allocate, in bytes; the kernel's build uses up to 128 MiB.
const maxDictionary = 256 << 20

// dictionarySize decodes the property byte of LZMA2: (2 or 3) << (bits/2 + 11).
func dictionarySize(bits byte) int {
	if bits >= 40 {
		return 1<<32 - 1
	}
	return (2 | int(bits&1)) << (bits/2 + 11)
}

// undoX86 turns the absolute targets of call and jmp instructions (e8, e9) back into relative ones, in place. It follows
// liblzma's simple/x86.c: mask remembers which of the last bytes could themselves have been such an instruction, because then the
// encoder left the operand alone.
func undoX86(data []byte) {
	mask, previous := uint32(0), -5
	for at := 0; at+5 <= len(data); {
		if data[at]&0xfe != 0xe8 {
			at++
			continue
		}
		mask, previous = agedMask(mask, at-previous), at
		if !convertible(data, at, mask) {
			mask |= 1
			if isExtreme(data[at+4]) {
				mask |= 0x10
			}
			at++
			continue
		}
		undoCall(data, at, mask)
		at += 5
		mask = 0
	}
}

// agedMask shifts the memory by the distance to the last instruction seen.
func agedMask(mask uint32, distance int) uint32 {
	if distance > 5 {
		return 0
	}
	for range distance {
		mask = mask & 0x77 << 1
	}
	return mask
}

func isExtreme(b byte) bool { return b == 0 || b == 0xff }

// convertible reports whether the encoder rewrote the operand of the instruction at.
func convertible(data []byte, at int, mask uint32) bool {
	return isExtreme(data[at+4]) && mask>>1 <= 4 && mask>>1 != 3
}

// undoCall converts one operand; where the bytes remembered in mask overlap it, the encoder went round again until they did not
// look like an instruction.
func undoCall(data []byte, at int, mask uint32) {
	bitOf := [...]uint32{0, 1, 2, 2, 3}
	source := binary.LittleEndian.Uint32(data[at+1:])
	target := source - uint32(at+5)
	for mask != 0 {
		shift := bitOf[mask>>1] * 8
		if !isExtreme(byte(target >> (24 - shift))) {
			break
		}
		source = target ^ (1<<(32-shift) - 1)
		target = source - uint32(at+5)
	}
	target &= 0x01ffffff
	if target&0x01000000 != 0 {
		target |= 0xff000000
	}
	binary.LittleEndian.PutUint32(data[at+1:], target)
}
