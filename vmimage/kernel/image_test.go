package kernel

import (
	"bytes"
	"compress/gzip"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// elfFile builds a 64-bit ELF file with one section called name, which is also a note segment.
func elfFile(name string, content []byte) []byte {
	const headerSize, progSize, sectionSize = 64, 56, 64
	names := "\x00" + name + "\x00.shstrtab\x00"
	contentAt := uint64(headerSize + progSize)
	namesAt := contentAt + uint64(len(content))
	sectionsAt := namesAt + uint64(len(names))
	var out bytes.Buffer
	put := func(values ...any) {
		for _, value := range values {
			_ = binary.Write(&out, binary.LittleEndian, value)
		}
	}
	put([]byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
		uint16(elf.ET_REL), uint16(elf.EM_X86_64), uint32(1), uint64(0), uint64(headerSize), sectionsAt, uint32(0),
		uint16(headerSize), uint16(progSize), uint16(1), uint16(sectionSize), uint16(3), uint16(2))
	put(uint32(elf.PT_NOTE), uint32(elf.PF_R), contentAt, uint64(0), uint64(0), uint64(len(content)), uint64(len(content)), uint64(4))
	out.Write(content)
	out.WriteString(names)
	put(make([]byte, sectionSize))
	section := func(nameAt uint32, kind elf.SectionType, at, size uint64) {
		put(nameAt, uint32(kind), uint64(0), uint64(0), at, size, uint32(0), uint32(0), uint64(1), uint64(0))
	}
	section(1, elf.SHT_PROGBITS, contentAt, uint64(len(content)))
	section(uint32(len(name)+2), elf.SHT_STRTAB, namesAt, uint64(len(names)))
	return out.Bytes()
}

// pvhNote is what CONFIG_PVH puts into a kernel.
func pvhNote() []byte {
	return []byte("\x04\x00\x00\x00\x04\x00\x00\x00\x12\x00\x00\x00Xen\x00\x00\x00\x00\x01")
}

// bzImage wraps payload in a setup header.
func bzImage(release string, payload []byte) []byte {
	image := make([]byte, 3*sector)
	image[offsetSetupSects] = 2
	copy(image[offsetMagic:], "HdrS")
	binary.LittleEndian.PutUint16(image[offsetProtocol:], 0x20f)
	binary.LittleEndian.PutUint16(image[offsetKernelVersion:], 0x300-0x200)
	copy(image[0x300:], release+" (builder) #1\x00")
	binary.LittleEndian.PutUint32(image[offsetPayloadOffset:], 16)
	binary.LittleEndian.PutUint32(image[offsetPayloadLength:], uint32(len(payload)))
	return append(append(image, make([]byte, 16)...), payload...)
}

func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstandard(t *testing.T, content []byte) []byte {
	t.Helper()
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return encoder.EncodeAll(content, nil)
}

// xzCompressed runs the xz tool the way the kernel's build does.
func xzCompressed(t *testing.T, content []byte, filters ...string) []byte {
	t.Helper()
	cmd := exec.Command("xz", append([]string{"--stdout", "--check=crc32"}, filters...)...)
	cmd.Stdin = bytes.NewReader(content)
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("no xz tool to make test data with")
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// withSize appends the uncompressed size as the kernel's build does (size_append).
func withSize(packed, content []byte) []byte {
	return binary.LittleEndian.AppendUint32(packed, uint32(len(content)))
}

func resolveFile(t *testing.T, content []byte) (*Kernel, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bzImage")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return Resolver{Cache: cache.Dir(t.TempDir())}.Resolve(context.Background(), path)
}

func TestVmlinuxComesOutOfEveryCommonCompression(t *testing.T) {
	vmlinux := elfFile(".notes", pvhNote())
	for name, payload := range map[string][]byte{
		"gzip": gzipped(t, vmlinux),
		"zstd": withSize(zstandard(t, vmlinux), vmlinux),
		"xz":   withSize(xzCompressed(t, vmlinux, "--x86", "--lzma2=dict=8MiB"), vmlinux),
		"none": vmlinux,
	} {
		kernel, err := resolveFile(t, bzImage("6.12.1-test", payload))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, _ := os.ReadFile(kernel.Vmlinux)
		if !bytes.Equal(got, vmlinux) || kernel.Note != "" || kernel.Release != "6.12.1-test" {
			t.Errorf("%s: %d bytes, want %d; %+v", name, len(got), len(vmlinux), kernel)
		}
	}
}

func TestAKernelThatCannotBeUnpackedBootsAsABzImageAndSaysWhy(t *testing.T) {
	for want, payload := range map[string][]byte{
		"compressed with lz4":        []byte("\x02\x21\x4c\x18rest"),
		"unknown way":                []byte("what is this"),
		"built without CONFIG_PVH":   gzipped(t, elfFile(".notes", []byte("none"))),
		"decompress gzip payload":    gzipped(t, elfFile(".notes", pvhNote()))[:12],
		"truncated":                  truncatedSegment(),
		"decompress xz payload: EOF": []byte("\xfd7zXZ\x00")[:6],
	} {
		kernel, err := resolveFile(t, bzImage("6.12.1", payload))
		want = strings.TrimSuffix(want, ": EOF")
		if err != nil || kernel.Vmlinux != "" || !strings.Contains(kernel.Note, want) {
			t.Errorf("want a note with %q: %+v, %v", want, kernel, err)
		}
	}
}

// truncatedSegment is a vmlinux whose load segment ends behind the file.
func truncatedSegment() []byte {
	image := elfFile(".notes", pvhNote())
	binary.LittleEndian.PutUint32(image[64:], uint32(elf.PT_LOAD))
	binary.LittleEndian.PutUint64(image[64+32:], 1<<20)
	return image
}

func TestAFileThatIsNoWholeKernelIsNamed(t *testing.T) {
	whole := bzImage("6.12.1", elfFile(".notes", pvhNote()))
	for want, content := range map[string][]byte{
		"truncated":      whole[:len(whole)-1],
		"not an x86":     []byte("#!/bin/sh"),
		"boot protocol":  func() []byte { old := bytes.Clone(whole); old[offsetProtocol] = 7; return old }(),
		"no HdrS at 0x2": make([]byte, 4096),
	} {
		_, err := resolveFile(t, content)
		var damaged *DamagedError
		if !errors.As(err, &damaged) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "bzImage") {
			t.Errorf("want an error with %q and the path: %v", want, err)
		}
	}
}

func TestACachedVmlinuxThatWasCutShortIsMadeAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bzImage")
	vmlinux := elfFile(".notes", pvhNote())
	if err := os.WriteFile(path, bzImage("6.12.1", gzipped(t, vmlinux)), 0o644); err != nil {
		t.Fatal(err)
	}
	resolver := Resolver{Cache: cache.Dir(t.TempDir())}
	first, err := resolver.Resolve(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(first.Vmlinux, 50); err != nil {
		t.Fatal(err)
	}
	again, err := resolver.Resolve(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(again.Vmlinux); !bytes.Equal(got, vmlinux) {
		t.Errorf("%d bytes, want %d", len(got), len(vmlinux))
	}
}

// TestTheX86FilterIsUndoneExactly uses real machine code, in which calls lie close enough to disturb each other, and noise of
// call opcodes, where they always do.
func TestTheX86FilterIsUndoneExactly(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 1<<16)
	for i := range noise {
		noise[i] = []byte{0xe8, 0xe9, 0x00, 0xff, 0x01, byte(i)}[code[i]%6]
	}
	for _, data := range [][]byte{code[:min(len(code), 2<<20)], noise} {
		reader, err := openKernelXZ(xzCompressed(t, data, "--x86", "--lzma2=preset=0"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(reader)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes differ from the original's %d, %v", len(got), len(data), err)
		}
	}
}

func TestAnXZFilterWeDoNotKnowIsNamed(t *testing.T) {
	_, err := openKernelXZ(xzCompressed(t, []byte("text"), "--delta", "--lzma2"))
	if err == nil || !strings.Contains(err.Error(), "filters") {
		t.Errorf("delta filter: %v", err)
	}
}

func FuzzNoBzImageMakesTheParserPanic(f *testing.F) {
	f.Add(bzImage("6.12.1", elfFile(".notes", pvhNote())))
	f.Add(bzImage("6.12.1", []byte("\xfd7zXZ\x00\x00\x01\x69\x22\xde\x36\x02\x00\x21\x01\x16\x00\x00\x00")))
	f.Fuzz(func(t *testing.T, image []byte) {
		header, err := parseHeader(image)
		if err != nil {
			return
		}
		if len(header.payload) < 1<<16 {
			_, _ = decompressVmlinux(header.payload)
		}
	})
}
