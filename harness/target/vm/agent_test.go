package vm

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// program writes an ELF file of one segment.
func program(t *testing.T, segment elf.ProgType) string {
	t.Helper()
	const headerSize, segmentSize = 64, 56
	header := elf.Header64{
		Ident:   [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:    uint16(elf.ET_EXEC),
		Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
		Phoff: headerSize, Ehsize: headerSize, Phentsize: segmentSize, Phnum: 1,
	}
	var file bytes.Buffer
	for _, part := range []any{header, elf.Prog64{Type: uint32(segment)}} {
		if err := binary.Write(&file, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, file.Bytes(), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOnlyAStaticProgramCanBeAGuestsFirstProcess(t *testing.T) {
	if err := StaticProgram(program(t, elf.PT_LOAD)); err != nil {
		t.Errorf("a static program: %v", err)
	}
	if err := StaticProgram(program(t, elf.PT_INTERP)); err == nil || !strings.Contains(err.Error(), "build it with make (CGO_ENABLED=0)") {
		t.Errorf("a program with a loader: %v", err)
	}
	if err := StaticProgram(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no program at all passed")
	}
}
