package kernel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
)

// header is what we need of a bzImage's setup header (Documentation/arch/x86/boot.rst).
type header struct {
	release string // uname -r
	payload []byte // the compressed vmlinux
}

// Offsets into a bzImage, from boot.rst, "The Real-Mode Kernel Header".
const (
	offsetSetupSects    = 0x1f1 // u8, in sectors; 0 means 4
	offsetMagic         = 0x202 // "HdrS"
	offsetProtocol      = 0x206 // u16; payload fields exist since 2.08
	offsetKernelVersion = 0x20e // u16, less 0x200
	offsetPayloadOffset = 0x248 // u32, from the start of the protected-mode code
	offsetPayloadLength = 0x24c // u32
	headerEnd           = 0x250
	sector              = 512
)

// DamagedError says that a file is not the kernel, or the part of one, that it should be.
type DamagedError struct {
	Path   string // the file, or the unpacked package
	Reason string // what is wrong with it
}

// Error is one line that names the file.
func (e *DamagedError) Error() string { return fmt.Sprintf("damaged kernel %s: %s", e.Path, e.Reason) }

// readHeader reads the bzImage at path; the error says what is wrong with it if it is none, or is cut short.
func readHeader(path string) (*header, error) {
	image, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read bzImage: %w", err)
	}
	parsed, err := parseHeader(image)
	if err != nil {
		return nil, &DamagedError{path, err.Error()}
	}
	return parsed, nil
}

func parseHeader(image []byte) (*header, error) {
	if len(image) < headerEnd || string(image[offsetMagic:offsetMagic+4]) != "HdrS" {
		return nil, fmt.Errorf("not an x86 bzImage (no HdrS at %#x)", offsetMagic)
	}
	if protocol := binary.LittleEndian.Uint16(image[offsetProtocol:]); protocol < 0x208 {
		return nil, fmt.Errorf("boot protocol %#x is older than 0x208", protocol)
	}
	setup := int64(image[offsetSetupSects])
	if setup == 0 {
		setup = 4
	}
	start := (setup+1)*sector + int64(binary.LittleEndian.Uint32(image[offsetPayloadOffset:]))
	end := start + int64(binary.LittleEndian.Uint32(image[offsetPayloadLength:]))
	if end > int64(len(image)) {
		return nil, fmt.Errorf("truncated: %d bytes, the compressed kernel ends at %d", len(image), end)
	}
	return &header{release: releaseOf(image), payload: image[start:end]}, nil
}

// releaseOf returns the first word of the version string, empty if the header points nowhere.
func releaseOf(image []byte) string {
	at := int(binary.LittleEndian.Uint16(image[offsetKernelVersion:])) + 0x200
	if at >= len(image) {
		return ""
	}
	text, _, _ := bytes.Cut(image[at:], []byte{0})
	word, _, _ := bytes.Cut(text, []byte{' '})
	return string(word)
}
