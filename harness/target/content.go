package target

import "github.com/iomapcheck/iomapcheck/harness/prog"

// sector is the unit in which file data stand on a disk, in bytes.
const sector = 512

// probe is how many bytes of a sector tell its fill and position: by chance 1 in 4^32.
const probe = 32

// DataOf tells whether a request's data are of the file range [off, end), whatever blocks the file system has put them on: by
// the fills, whose bytes depend on the position in the file. It looks at the first 32 bytes of every sector. So it works for file systems that
// never write in place, and does not for those that compress or encrypt; and the same fill at the same position of
// another file is taken for it.
func DataOf(p prog.Program, off, end int64) func(data []byte) bool {
	known := map[[probe]byte]bool{}
	for _, f := range fills(p) {
		for pos := off / sector * sector; pos < end; pos += sector {
			known[start(f, pos)] = true
		}
	}
	return func(data []byte) bool {
		for i := 0; i+probe <= len(data); i += sector {
			if known[[probe]byte(data[i:])] {
				return true
			}
		}
		return false
	}
}

// start is the first bytes of the sector at file position pos.
func start(f prog.Fill, pos int64) (b [probe]byte) {
	prog.Paint(b[:], f, pos)
	return b
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

// Unwritten is the byte of which the disks of programs are made: a file that shows it has blocks that nobody wrote.
func Unwritten() byte {
	var b [1]byte
	prog.Poison(b[:])
	return b[0]
}
