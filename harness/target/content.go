package target

import (
	"encoding/binary"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// sector is the unit in which file data stand on a disk, in bytes.
const sector = 512

// DataOf tells whether a request's data are of the file range [off, end), whatever blocks the file system has put them on: by
// the fills, whose bytes depend on the position in the file. It looks at the first 8 bytes of every sector. So it works for file systems that
// never write in place, and does not for those that compress or encrypt; and the same fill at the same position of
// another file is taken for it.
func DataOf(p prog.Program, off, end int64) func(data []byte) bool {
	known := map[uint64]bool{}
	for _, f := range fills(p) {
		for pos := off / sector * sector; pos < end; pos += sector {
			known[word(f, pos)] = true
		}
	}
	return func(data []byte) bool {
		for i := 0; i+8 <= len(data); i += sector {
			if known[binary.LittleEndian.Uint64(data[i:])] {
				return true
			}
		}
		return false
	}
}

// word is the first 8 bytes of the sector at file position pos.
func word(f prog.Fill, pos int64) uint64 {
	var b [8]byte
	prog.Paint(b[:], f, pos)
	return binary.LittleEndian.Uint64(b[:])
}

// fills are those that the program writes.
func fills(p prog.Program) []prog.Fill {
	var out []prog.Fill
	seen := map[prog.Fill]bool{}
	p.Walk(func(s prog.Step) {
		if s.Op.Verb.Writes() && !seen[s.Op.Fill] {
			seen[s.Op.Fill] = true
			out = append(out, s.Op.Fill)
		}
	})
	return out
}
