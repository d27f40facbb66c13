package prog

import (
	"fmt"
	"slices"
)

// NoLimit as the length of memory high or memory max takes the limit away.
const NoLimit = -1

// Attr is a file attribute, by the name the text form gives it.
type Attr string

// The attributes (FS_IOC_SETFLAGS). A file system that lacks one refuses it, which makes the program unsupported there.
const (
	// AttrJournal: data go through the journal (FS_JOURNAL_DATA_FL): ext4, gfs2.
	AttrJournal Attr = "jdata"
	// AttrNoDatasum: neither checksums nor copy on write (FS_NOCOW_FL): btrfs, and only while the file is empty.
	AttrNoDatasum Attr = "nodatasum"
	// AttrCompress: data are compressed (FS_COMPR_FL): btrfs.
	AttrCompress Attr = "compress"
	// AttrRealtime: data stand on the real-time device (FS_XFLAG_REALTIME): xfs, and only while the file is empty. Where that is persistent
	// memory the file is DAX once it is mounted anew.
	AttrRealtime Attr = "realtime"
)

// Attrs lists the attributes.
func Attrs() []Attr { return []Attr{AttrJournal, AttrNoDatasum, AttrCompress, AttrRealtime} }

// MemoryHigh throttles and reclaims the program's tasks above so many bytes (memory.high); NoLimit ends it.
func MemoryHigh(n int64) Op { return Op{Verb: VMemoryHigh, Len: n} }

// MemoryMax is the most memory, in bytes, that the program's tasks may have (memory.max); NoLimit ends it.
func MemoryMax(n int64) Op { return Op{Verb: VMemoryMax, Len: n} }

// Reclaim takes so many bytes from the program's tasks, as far as they can be had (memory.reclaim).
func Reclaim(n int64) Op { return Op{Verb: VReclaim, Len: n} }

// Evict is posix_fadvise(2) with POSIX_FADV_DONTNEED.
func Evict(file string, off, n int64) Op { return ranged(VEvict, file, off, n) }

// Readahead is posix_fadvise(2) with POSIX_FADV_WILLNEED.
func Readahead(file string, off, n int64) Op { return ranged(VReadahead, file, off, n) }

// Resident counts the bytes of the range whose pages are in the page cache (mincore(2)).
func Resident(file string, off, n int64) Op { return ranged(VResident, file, off, n) }

// Mlock locks a range of the task's mapping of the file (mlock(2)).
func Mlock(file string, off, n int64) Op { return ranged(VMlock, file, off, n) }

// Munlock undoes Mlock.
func Munlock(file string, off, n int64) Op { return ranged(VMunlock, file, off, n) }

// Pin takes references to the pages of a range of the task's mapping (vmsplice(2) into a pipe), until Unpin of the same range.
func Pin(file string, off, n int64) Op { return ranged(VPin, file, off, n) }

// Unpin drops what Pin of the same range took.
func Unpin(file string, off, n int64) Op { return ranged(VUnpin, file, off, n) }

// Clone makes to share the extents of file (FICLONE).
func Clone(file, to string) Op { return Op{Verb: VClone, File: file, To: to} }

// SetAttr gives the file an attribute.
func SetAttr(file string, a Attr) Op { return Op{Verb: VAttr, File: file, Attr: a} }

// LimitsMemory says whether the program limits or takes away the memory of its tasks, which then need a memory cgroup of their own.
func (p Program) LimitsMemory() bool {
	return slices.ContainsFunc(p.Steps(), func(s Step) bool {
		return s.Op.Verb == VMemoryHigh || s.Op.Verb == VMemoryMax || s.Op.Verb == VReclaim || s.Op.Verb == VHog
	})
}

func isLimit(v Verb) bool { return v == VMemoryHigh || v == VMemoryMax }

func parseLimit(s string) (int64, error) {
	if s == "none" {
		return NoLimit, nil
	}
	n, err := ParseSize(s)
	if err != nil {
		return 0, fmt.Errorf("%w, or none", err)
	}
	return n, nil
}

func formatLimit(n int64) string {
	if n == NoLimit {
		return "none"
	}
	return FormatSize(n)
}

func parseAttr(s string) (Attr, error) {
	if !slices.Contains(Attrs(), Attr(s)) {
		return "", fmt.Errorf("attribute %q: want one of %v", s, Attrs())
	}
	return Attr(s), nil
}

// memory checks the operations of this file.
func (c *checker) memory(s Step) {
	op := s.Op
	switch {
	case isLimit(op.Verb) && op.Len < minLimit && op.Len != NoLimit:
		c.fail(s.N, "%s %s: a task needs %s for itself; none takes the limit away", op.Verb, FormatSize(op.Len), FormatSize(minLimit))
	case (op.Verb == VReclaim || op.Verb == VHog) && op.Len == 0:
		c.fail(s.N, "%s of no bytes", op.Verb)
	case op.Verb == VClone && !isName(op.To):
		c.fail(s.N, "clone %s %q: want the name of the file that is to share its extents", op.File, op.To)
	case op.Verb == VClone && op.To == op.File:
		c.fail(s.N, "clone %s %s: want two files", op.File, op.To)
	case op.Verb == VAttr && !slices.Contains(Attrs(), op.Attr):
		c.fail(s.N, "attribute %q: want one of %v", op.Attr, Attrs())
	}
}

// minLimit is the least memory limit, in bytes: one page. What a task's process needs besides is the target's affair.
const minLimit = pageSize
