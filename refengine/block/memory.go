package block

import "github.com/iomapcheck/iomapcheck/refengine/sched"

// slabSize is how much memory is got at a time, in bytes.
const slabSize = 1 << 20

// memory hands out bytes that live as long as the execution and takes all of them back when the next one begins.
type memory struct {
	execution uint64
	slabs     [][]byte
	slab      int // the one in use
	used      int // of it
}

// memoryKey is its name among what a scheduler keeps.
type memoryKey struct{}

func memoryOf(s *sched.Sched) *memory {
	m := s.Kept(memoryKey{}, func() any { return &memory{} }).(*memory)
	if m.execution != s.Execution() {
		*m = memory{execution: s.Execution(), slabs: m.slabs}
	}
	return m
}

// get returns n bytes with whatever is in them.
func (m *memory) get(n int64) []byte {
	if n > slabSize/4 {
		return make([]byte, n)
	}
	if m.slab < len(m.slabs) && m.used+int(n) > slabSize {
		m.slab, m.used = m.slab+1, 0
	}
	if m.slab == len(m.slabs) {
		m.slabs = append(m.slabs, make([]byte, slabSize))
	}
	p := m.slabs[m.slab][m.used : m.used+int(n) : m.used+int(n)]
	m.used += int(n)
	return p
}

// Buffer returns n bytes of memory for a request's data, which are the caller's up to the end of the execution. Their contents are
// undefined: the caller fills all of them, or uses only what a successful read has filled.
func (d *Disk) Buffer(n int64) []byte { return d.memory.get(n) }

// Blank makes every byte that nobody has written value instead of zero, so that a file which shows it has blocks that it never wrote. It
// is called before the disk is used.
func (d *Disk) Blank(value byte) { d.blank = value }

// wipe makes p what nobody has written.
func (d *Disk) wipe(p []byte) {
	clear(p)
	if d.blank != 0 {
		for i := range p {
			p[i] = d.blank
		}
	}
}

// chunk returns the chunk that holds byte off, a blank one if there was none yet.
func (d *Disk) chunk(off int64) *[chunkSize]byte {
	c := d.chunks[off/chunkSize]
	if c == nil {
		c = (*[chunkSize]byte)(d.memory.get(chunkSize))
		d.wipe(c[:])
		d.chunks[off/chunkSize] = c
	}
	return c
}
