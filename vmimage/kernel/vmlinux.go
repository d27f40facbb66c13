package kernel

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// errNoPVH says that a kernel was built without CONFIG_PVH.
var errNoPVH = errors.New("built without CONFIG_PVH")

// unpackVmlinux sets kernel.Vmlinux. A kernel whose payload we cannot unpack, or that has no PVH entry, still boots as a bzImage:
// then Note says why that is slower. Only trouble of ours, such as a full disk, is an error.
func (r Resolver) unpackVmlinux(ctx context.Context, kernel *Kernel, header *header) error {
	sum := sha256.Sum256(header.payload)
	name := hex.EncodeToString(sum[:10])
	if err := removeDamaged(r.Cache.Path("vmlinux", name)); err != nil {
		return err
	}
	var unusable error
	path, err := r.Cache.Publish(ctx, "vmlinux", name, func(path string) error {
		var image []byte
		if image, unusable = decompressVmlinux(header.payload); unusable != nil {
			return unusable
		}
		return os.WriteFile(path, image, 0o644)
	})
	if unusable != nil {
		kernel.Note = fmt.Sprintf("booting %s through its bzImage, which is slower: %v", kernel.Release, unusable)
		return nil
	}
	kernel.Vmlinux = path
	return err
}

// removeDamaged removes a cached vmlinux that was cut short (a crash of the host can do that), so that it is unpacked anew.
func removeDamaged(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return nil // it is not there yet, or Publish will say what is wrong
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil {
		err = checkPVH(file, info.Size())
	}
	if err == nil {
		return nil
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove damaged vmlinux: %w", err)
	}
	return nil
}

// decompressVmlinux returns the ELF image in payload, checked to have a PVH entry.
func decompressVmlinux(payload []byte) ([]byte, error) {
	name, reader, err := decompressor(payload)
	if err != nil {
		return nil, err
	}
	image, err := io.ReadAll(reader)
	// The build appends the uncompressed size (scripts/Makefile.lib, size_append): a decoder that meets it after the image is done.
	if err != nil && !bytes.HasPrefix(image, []byte(elf.ELFMAG)) {
		return nil, fmt.Errorf("decompress %s payload: %w", name, err)
	}
	if err := checkPVH(bytes.NewReader(image), int64(len(image))); err != nil {
		return nil, err
	}
	return image, nil
}

// decompressor tells the payload's compression by its magic and opens it.
func decompressor(payload []byte) (name string, reader io.Reader, err error) {
	for _, format := range []struct {
		name, magic string
		open        func([]byte) (io.Reader, error)
	}{
		{"gzip", "\x1f\x8b", openGzip},
		{"xz", "\xfd7zXZ\x00", openKernelXZ},
		{"zstd", "\x28\xb5\x2f\xfd", openZstd},
		{"none", elf.ELFMAG, openPlain},
		{"bzip2", "BZh", nil},
		{"lzma", "\x5d\x00\x00", nil},
		{"lz4", "\x02\x21\x4c\x18", nil},
		{"lzo", "\x89LZO", nil},
	} {
		if !bytes.HasPrefix(payload, []byte(format.magic)) {
			continue
		}
		if format.open == nil {
			return "", nil, fmt.Errorf("its vmlinux is compressed with %s; gzip, xz and zstd can be unpacked", format.name)
		}
		reader, err := format.open(payload)
		if err != nil {
			return "", nil, fmt.Errorf("decompress %s payload: %w", format.name, err)
		}
		return format.name, reader, nil
	}
	return "", nil, fmt.Errorf("its vmlinux is compressed in an unknown way (begins % x)", payload[:min(8, len(payload))])
}

func openPlain(payload []byte) (io.Reader, error) { return bytes.NewReader(payload), nil }

func openGzip(payload []byte) (io.Reader, error) {
	reader, err := gzip.NewReader(bytes.NewReader(payload))
	if err == nil {
		reader.Multistream(false)
	}
	return reader, err
}

func openZstd(payload []byte) (io.Reader, error) {
	reader, err := zstd.NewReader(bytes.NewReader(payload), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxDictionary))
	if err != nil {
		return nil, err
	}
	return reader.IOReadCloser(), nil
}

// noteEntry is XEN_ELFNOTE_PHYS32_ENTRY: the 32-bit physical entry point that QEMU's PVH loader jumps to.
const noteEntry = 18

// checkPVH fails unless image, of size bytes, is a whole ELF file with a PVH entry note.
func checkPVH(image io.ReaderAt, size int64) error {
	file, err := elf.NewFile(image)
	if err != nil {
		return fmt.Errorf("read vmlinux: %w", err)
	}
	for _, prog := range file.Progs {
		if prog.Type == elf.PT_LOAD && prog.Off+prog.Filesz > uint64(size) {
			return fmt.Errorf("read vmlinux: truncated: %d bytes, a segment ends at %d", size, prog.Off+prog.Filesz)
		}
	}
	for _, prog := range file.Progs {
		if prog.Type == elf.PT_NOTE && hasNote(prog, file) {
			return nil
		}
	}
	return errNoPVH
}

// hasNote looks for note "Xen" 18. Notes are {namesz, descsz, type} and then name and descriptor, each padded to 4 bytes.
func hasNote(prog *elf.Prog, file *elf.File) bool {
	notes, err := io.ReadAll(prog.Open())
	if err != nil {
		return false
	}
	for len(notes) >= 12 {
		nameSize, descSize := int(file.ByteOrder.Uint32(notes)), int(file.ByteOrder.Uint32(notes[4:]))
		kind := file.ByteOrder.Uint32(notes[8:])
		next := 12 + (nameSize+3)&^3 + (descSize+3)&^3
		if nameSize < 0 || descSize < 0 || next > len(notes) {
			return false
		}
		if kind == noteEntry && bytes.HasPrefix(notes[12:12+nameSize], []byte("Xen\x00")) {
			return true
		}
		notes = notes[next:]
	}
	return false
}
