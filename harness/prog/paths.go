package prog

// Further paths by which data come into a file and out of it: io_uring, splice and copy_file_range.

// Their verbs.
const (
	VUringWrite  Verb = "uring-write"
	VUringRead   Verb = "uring-read"
	VSpliceWrite Verb = "splice-write"
	VSpliceRead  Verb = "splice-read"
	VCopyRange   Verb = "copy-range"
)

// UringWrite submits a write to the task's io_uring under a name; Reap waits for it. It goes through the page cache unless it is Direct.
func UringWrite(name, file string, off, n int64, f Fill) Op {
	op := filled(VUringWrite, file, off, n, f)
	op.AIO = name
	return op
}

// UringRead submits a read to the task's io_uring under a name; Reap waits for it and returns what it read. See UringWrite.
func UringRead(name, file string, off, n int64) Op {
	op := ranged(VUringRead, file, off, n)
	op.AIO = name
	return op
}

// SpliceWrite moves bytes from a pipe into the file, through the page cache unless it is Direct.
func SpliceWrite(file string, off, n int64, f Fill) Op { return filled(VSpliceWrite, file, off, n, f) }

// SpliceRead moves bytes from the file into a pipe and reads the pipe, through the page cache unless it is Direct: then the pages of
// the cache are the pipe's until they are read.
func SpliceRead(file string, off, n int64) Op { return ranged(VSpliceRead, file, off, n) }

// CopyRange has the kernel copy n bytes of file from off on to another place, or share the blocks (copy_file_range(2)). Fills depend on
// the position, so that the offsets differ by a multiple of Period.
func CopyRange(file string, off, n int64, to string, toOff int64) Op {
	op := ranged(VCopyRange, file, off, n)
	op.To, op.ToOff = to, toOff
	return op
}

// Submits says whether the operation only submits a request, of which a reap gives the result.
func (v Verb) Submits() bool {
	return v == VAIOWrite || v == VAIORead || v == VUringWrite || v == VUringRead
}

// Uring says whether the operation needs an io_uring.
func (v Verb) Uring() bool { return v == VUringWrite || v == VUringRead }

// Spliced says whether the operation goes through a pipe.
func (v Verb) Spliced() bool { return v == VSpliceWrite || v == VSpliceRead }

// Direct says whether the operation bypasses the page cache, by its verb or by its flag.
func (op Op) Direct() bool { return op.Verb.Direct() || op.Flags&Direct != 0 }

// paths checks the operations of this file.
func (c *checker) paths(s Step) {
	op := s.Op
	if op.Verb != VCopyRange {
		return
	}
	shift := op.ToOff - op.Off
	switch {
	case !isName(op.To):
		c.fail(s.N, "copy-range to %q: want a file's name", op.To)
	case op.ToOff < 0 || op.ToOff > maxFile || op.ToOff+op.Len > maxFile:
		c.fail(s.N, "copy-range to %s goes beyond %s, the largest file a program may use", op.To, FormatSize(maxFile))
	case op.To == op.File && max(shift, -shift) < op.Len:
		c.fail(s.N, "copy-range of %s onto itself: the ranges overlap", op.File)
	case shift%Period != 0:
		c.fail(s.N, "copy-range to %s %s: bytes of one fill are the same every %s only: want an offset that differs from %s by a multiple of that",
			op.To, FormatSize(op.ToOff), FormatSize(Period), FormatSize(op.Off))
	}
}
