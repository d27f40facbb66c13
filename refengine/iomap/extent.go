package iomap

import "sort"

// Type is what a range of a file is backed by (IOMAP_HOLE …).
type Type uint8

// The types. A hole and an unwritten range read as zeros.
const (
	Hole      Type = iota
	Delalloc       // space is reserved, the data is in the page cache only
	Unwritten      // blocks are allocated, their contents are not valid
	Mapped         // blocks are allocated and hold the data
	Inline         // the data is in the inode
)

// String returns the type's name as the kernel's tracepoints print it.
func (t Type) String() string {
	return [...]string{"HOLE", "DELALLOC", "UNWRITTEN", "MAPPED", "INLINE"}[t]
}

// Allocated says whether the type has blocks on the disk.
func (t Type) Allocated() bool { return t == Unwritten || t == Mapped }

// Extent is a range of a file with one backing. Off and Len are in bytes and multiples of the block size.
type Extent struct {
	Off, Len int64
	Type     Type
	Addr     int64 // byte position on the disk; only if Type.Allocated
}

// End returns the byte position in the file after the extent.
func (e Extent) End() int64 { return e.Off + e.Len }

// clip returns the part of the extent within [off, end).
func (e Extent) clip(off, end int64) Extent {
	off, end = max(off, e.Off), min(end, e.End())
	addr := e.Addr
	if e.Type.Allocated() {
		addr += off - e.Off
	}
	return Extent{Off: off, Len: end - off, Type: e.Type, Addr: addr}
}

// ExtentMap is a file's extents: sorted, not overlapping, holes left out. Its users hold the inode's ILock.
type ExtentMap struct{ list []Extent }

func (m *ExtentMap) at(off int64) int {
	return sort.Search(len(m.list), func(i int) bool { return m.list[i].End() > off })
}

// Lookup returns the extent that holds off, clipped to begin there and to end at the latest at end. A hole ends where the
// next extent begins.
func (m *ExtentMap) Lookup(off, end int64) Extent {
	i := m.at(off)
	if i == len(m.list) || m.list[i].Off >= end {
		return Extent{Off: off, Len: end - off, Type: Hole}
	}
	if e := m.list[i]; e.Off <= off {
		return e.clip(off, end)
	}
	return Extent{Off: off, Len: m.list[i].Off - off, Type: Hole}
}

// All returns the extents that overlap [off, end), clipped to it.
func (m *ExtentMap) All(off, end int64) []Extent {
	var all []Extent
	for i := m.at(off); i < len(m.list) && m.list[i].Off < end; i++ {
		all = append(all, m.list[i].clip(off, end))
	}
	return all
}

// Set replaces the backing of e's range, splitting what overlaps it, and returns what was there:
//
//	before  [aaaaaaaa)   [bbbb)
//	set         [eeeeeeeee)
//	after   [aa)[eeeeeeeee)[b)     returns [aaaa) [bb)
//
// A hole removes.
func (m *ExtentMap) Set(e Extent) (old []Extent) {
	old = m.All(e.Off, e.End())
	var list []Extent
	for _, x := range m.list {
		if x.Off < e.Off {
			list = appendExtent(list, x.clip(x.Off, e.Off))
		}
	}
	if e.Type != Hole {
		list = appendExtent(list, e)
	}
	for _, x := range m.list {
		if x.End() > e.End() {
			list = appendExtent(list, x.clip(e.End(), x.End()))
		}
	}
	m.list = list
	return old
}

// appendExtent appends e, merged with the last one if it continues it.
func appendExtent(list []Extent, e Extent) []Extent {
	if e.Len <= 0 {
		return list
	}
	if n := len(list); n > 0 {
		l := &list[n-1]
		if l.End() == e.Off && l.Type == e.Type && (!e.Type.Allocated() || l.Addr+l.Len == e.Addr) {
			l.Len += e.Len
			return list
		}
	}
	return append(list, e)
}

// Convert turns the unwritten parts of [off, end) into mapped ones, and says whether there were any.
func (m *ExtentMap) Convert(off, end int64) bool {
	changed := false
	for _, e := range m.All(off, end) {
		if e.Type == Unwritten {
			e.Type, changed = Mapped, true
			m.Set(e)
		}
	}
	return changed
}
