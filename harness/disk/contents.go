package disk

// The contents are a two-level table of chunks: a root of leaves, each with leafChunks chunks of chunkSize bytes. What was
// never written, or was trimmed, has no chunk and reads as zeroes.
const (
	chunkSize  = 64 << 10
	leafChunks = 256
	leafSize   = chunkSize * leafChunks
)

// owner is the identity of one table. A leaf or chunk that bears another owner is shared with an image and is copied before
// it is changed: that is the whole of copy-on-write, and why taking an image costs nothing and needs no reference counts.
type owner struct{ _ byte }

type chunk = [chunkSize]byte

// leaf is one second-level table.
type leaf struct {
	owner *owner
	slots [leafChunks]slot
}

// slot is one chunk of a leaf; data is nil for a hole.
type slot struct {
	owner *owner
	data  *chunk
}

// contents is one version of the disk's bytes. The zero value is not usable: see newContents. It has no lock of its own.
type contents struct {
	size int64 // in bytes
	// root has one entry for each leafSize bytes. It is shared with images unless rootOwner is owner.
	root      []*leaf
	rootOwner *owner
	owner     *owner
}

func newContents(size int64) contents {
	own := new(owner)
	return contents{size: size, root: make([]*leaf, (size+leafSize-1)/leafSize), rootOwner: own, owner: own}
}

// share returns a second table with the same bytes. Both sides lose the right to change what they now have in common.
func (c *contents) share() contents {
	c.owner = new(owner)
	twin := *c
	twin.owner = new(owner)
	return twin
}

// readAt fills p from off. The range must be within the size.
func (c *contents) readAt(p []byte, off int64) {
	for len(p) > 0 {
		n := min(len(p), int(chunkSize-off%chunkSize))
		if data := c.lookup(off); data != nil {
			copy(p[:n], data[off%chunkSize:])
		} else {
			clear(p[:n])
		}
		p, off = p[n:], off+int64(n)
	}
}

// writeAt stores p at off. The range must be within the size.
func (c *contents) writeAt(p []byte, off int64) {
	for len(p) > 0 {
		n := min(len(p), int(chunkSize-off%chunkSize))
		c.writeChunk(p[:n], off)
		p, off = p[n:], off+int64(n)
	}
}

// writeChunk stores p, which lies within one chunk.
func (c *contents) writeChunk(p []byte, off int64) {
	s := c.slotForChange(off)
	if s.owner == c.owner && s.data != nil {
		copy(s.data[off%chunkSize:], p)
		return
	}
	if len(p) == chunkSize {
		// append, because it does not clear the new memory first.
		s.data = (*chunk)(append([]byte(nil), p...))
	} else {
		fresh := new(chunk)
		if s.data != nil {
			*fresh = *s.data
		}
		copy(fresh[off%chunkSize:], p)
		s.data = fresh
	}
	s.owner = c.owner
}

// zeroAt makes the range read as zeroes and frees the chunks it covers. The range must be within the size.
func (c *contents) zeroAt(r Range) {
	for off := r.Off; off < r.End; {
		n := min(r.End-off, chunkSize-off%chunkSize)
		if c.root[off/leafSize] == nil {
			n = min(r.End-off, leafSize-off%leafSize)
		} else {
			c.zeroChunk(off, int(n))
		}
		off += n
	}
}

// zeroChunk zeroes n bytes that lie within one chunk.
func (c *contents) zeroChunk(off int64, n int) {
	data := c.lookup(off)
	if data == nil {
		return
	}
	if n == chunkSize {
		*c.slotForChange(off) = slot{}
		return
	}
	s := c.slotForChange(off)
	if s.owner != c.owner {
		fresh := *data
		s.data, s.owner = &fresh, c.owner
	}
	clear(s.data[off%chunkSize:][:n])
}

// lookup returns the chunk that contains off, nil for a hole.
func (c *contents) lookup(off int64) *chunk {
	l := c.root[off/leafSize]
	if l == nil {
		return nil
	}
	return l.slots[off%leafSize/chunkSize].data
}

// slotForChange returns the slot of the chunk that contains off, in a leaf that this table owns. The chunk itself may still
// be shared: the caller looks at its owner.
func (c *contents) slotForChange(off int64) *slot {
	if c.rootOwner != c.owner {
		c.root = append([]*leaf(nil), c.root...)
		c.rootOwner = c.owner
	}
	at := &c.root[off/leafSize]
	switch {
	case *at == nil:
		*at = &leaf{owner: c.owner}
	case (*at).owner != c.owner:
		twin := **at
		twin.owner = c.owner
		*at = &twin
	}
	return &(*at).slots[off%leafSize/chunkSize]
}

// allocated returns the number of bytes of chunks that the table refers to, shared ones included.
func (c *contents) allocated() int64 {
	var n int64
	for _, l := range c.root {
		if l == nil {
			continue
		}
		for i := range l.slots {
			if l.slots[i].data != nil {
				n += chunkSize
			}
		}
	}
	return n
}
