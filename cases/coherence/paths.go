package coherence

import (
	"fmt"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// path is a way by which data come into a file, and out of it.
type path struct {
	name string
	// write writes the fill; a request's name is unique in the program.
	write func(request string, at place, f prog.Fill) []prog.Op
	// read reads what is expected; the last operation returns it.
	read func(request string, at place) []prog.Op
	// direct: both bypass the page cache, and so are of whole sectors.
	direct bool
}

// place is a range of a file.
type place struct {
	file   string
	off, n int64
}

// paths are the ways, each of which has to agree with each other.
func paths() []path {
	return []path{
		{name: "buffered", write: oneWrite(prog.Write), read: oneRead(prog.Read)},
		{name: "vectored", write: flagged(oneWrite(prog.Write), prog.Vectored), read: flaggedRead(oneRead(prog.Read), prog.Vectored)},
		{name: "mapped", write: oneWrite(prog.Store), read: oneRead(prog.Load)},
		{name: "direct", write: oneWrite(prog.DirectWrite), read: oneRead(prog.DirectRead), direct: true},
		{name: "aio", write: queued(prog.AIOWrite), read: queuedRead(prog.AIORead), direct: true},
		{name: "uring", write: queued(prog.UringWrite), read: queuedRead(prog.UringRead)},
		{name: "uring-direct", direct: true,
			write: flagged(queued(prog.UringWrite), prog.Direct|prog.Vectored),
			read:  flaggedRead(queuedRead(prog.UringRead), prog.Direct|prog.Vectored)},
		{name: "splice", write: oneWrite(prog.SpliceWrite), read: oneRead(prog.SpliceRead)},
		{name: "copy", write: copyIn, read: copyOut},
	}
}

func oneWrite(op func(string, int64, int64, prog.Fill) prog.Op) func(string, place, prog.Fill) []prog.Op {
	return func(_ string, at place, f prog.Fill) []prog.Op { return []prog.Op{op(at.file, at.off, at.n, f)} }
}

func oneRead(op func(string, int64, int64) prog.Op) func(string, place) []prog.Op {
	return func(_ string, at place) []prog.Op { return []prog.Op{op(at.file, at.off, at.n)} }
}

func queued(op func(string, string, int64, int64, prog.Fill) prog.Op) func(string, place, prog.Fill) []prog.Op {
	return func(request string, at place, f prog.Fill) []prog.Op {
		return []prog.Op{op(request, at.file, at.off, at.n, f), prog.Reap(request)}
	}
}

func queuedRead(op func(string, string, int64, int64) prog.Op) func(string, place) []prog.Op {
	return func(request string, at place) []prog.Op {
		return []prog.Op{op(request, at.file, at.off, at.n), prog.Reap(request)}
	}
}

func flagged(write func(string, place, prog.Fill) []prog.Op, f prog.Flags) func(string, place, prog.Fill) []prog.Op {
	return func(request string, at place, fill prog.Fill) []prog.Op {
		return flagFirst(write(request, at, fill), f)
	}
}

func flaggedRead(read func(string, place) []prog.Op, f prog.Flags) func(string, place) []prog.Op {
	return func(request string, at place) []prog.Op { return flagFirst(read(request, at), f) }
}

func flagFirst(ops []prog.Op, f prog.Flags) []prog.Op {
	ops[0] = ops[0].With(f)
	return ops
}

// copyIn copies from a file that holds the fill and that nothing has written back.
func copyIn(_ string, at place, f prog.Fill) []prog.Op {
	return []prog.Op{prog.Write("source", at.off, at.n, f), prog.CopyRange("source", at.off, at.n, at.file, at.off)}
}

// copyOut copies to a file that then is read.
func copyOut(_ string, at place) []prog.Op {
	return []prog.Op{prog.CopyRange(at.file, at.off, at.n, "target", at.off), prog.Read("target", at.off, at.n)}
}

// reads is what the path reads of a place that holds these runs. Where the file ends there, inside of a page, what can ask for more does.
func (p path) reads(request string, at place, runs ...prog.Run) []prog.Op {
	size := at.n
	if p.name != "mapped" && p.name != "copy" {
		at.n = (size + page - 1) / page * page
	}
	ops := p.read(request, at)
	last := &ops[len(ops)-1]
	*last = last.ReturnsRuns(runs...)
	if size < at.n {
		*last = last.Counts(size)
	}
	return ops
}

// page is the unit of direct I/O that every file system can do.
const page = 4 * prog.KiB

// over is what stands in the file before a path writes there. Each reading path has a place of its own, so that it is the first to
// read what was written.
type over struct {
	name string
	// prepare makes so many places.
	prepare func(places int64) []prog.Op
	// old is what stands there.
	old prog.Fill
}

// piece is the length of a place, of which a read before the write fills half into the cache.
const piece = 8 * prog.KiB

func overs() []over {
	filled := func(places int64, rest ...prog.Op) []prog.Op {
		return append([]prog.Op{prog.Write("f", 0, places*piece, 'o'), prog.Fsync("f")}, rest...)
	}
	return []over{
		{name: "hole", old: '.', prepare: func(places int64) []prog.Op { return []prog.Op{prog.Truncate("f", places*piece)} }},
		{name: "unwritten", old: '.', prepare: func(places int64) []prog.Op {
			return []prog.Op{prog.Fallocate("f", 0, places*piece, prog.FallocAlloc), prog.Fsync("f")}
		}},
		{name: "mapped", old: 'o', prepare: func(places int64) []prog.Op { return filled(places, prog.DropCaches()) }},
		{name: "dirty", old: 'd', prepare: func(places int64) []prog.Op {
			return filled(places, prog.Write("f", 0, places*piece, 'd'))
		}},
		{name: "shared", old: 'o', prepare: func(places int64) []prog.Op { return filled(places, prog.Clone("f", "g"), prog.DropCaches()) }},
	}
}

// inside is the program in which one path writes to places inside of a file, and each path reads one of them: half of it before, all of it
// after the write.
func inside(w path, o over) prog.Program {
	ops := o.prepare(int64(len(paths())))
	for i, r := range paths() {
		at := place{"f", int64(i) * piece, piece}
		half := place{at.file, at.off + piece/2, piece / 2}
		ops = append(ops, r.reads(fmt.Sprintf("early%d", i), half, prog.Run{Len: half.n, Fill: o.old.String()})...)
		ops = append(ops, w.write(fmt.Sprintf("write%d", i), at, 'n')...)
		ops = append(ops, r.reads(fmt.Sprintf("read%d", i), at, prog.Run{Len: at.n, Fill: "n"})...)
	}
	if o.name == "shared" {
		ops = append(ops, prog.Read("g", 0, int64(len(paths()))*piece).Returns('o'))
	}
	return prog.New(ops...)
}

// atEnd is the program in which one path writes a page behind the end of the file, which is inside of another page, and each path reads
// what the file has then, its old end and the gap included.
func atEnd(w path) prog.Program {
	const tail = 100
	var ops []prog.Op
	for i, r := range paths() {
		at := place{fmt.Sprintf("f%d", i), 0, 3 * page}
		ops = append(ops, prog.Write(at.file, 0, tail, 'o'), prog.Fsync(at.file))
		if w.name == "mapped" { // a store moves no end
			ops = append(ops, prog.Truncate(at.file, 3*page))
		}
		ops = append(ops, w.write(fmt.Sprintf("write%d", i), place{at.file, 2 * page, page}, 'n')...)
		ops = append(ops, r.reads(fmt.Sprintf("read%d", i), at,
			prog.Run{Len: tail, Fill: "o"}, prog.Run{Len: 2*page - tail, Fill: "."}, prog.Run{Len: page, Fill: "n"})...)
	}
	return prog.New(ops...)
}

// small is the program of files that may stand in their inodes: one path writes them anew, each path reads one before and after.
func small(w path) prog.Program {
	const tail = 100
	n := int64(tail)
	if w.direct {
		n = page
	}
	var ops []prog.Op
	for i, r := range paths() {
		at := place{fmt.Sprintf("f%d", i), 0, n}
		ops = append(ops, prog.Write(at.file, 0, tail, 'o'), prog.Fsync(at.file))
		ops = append(ops, r.reads(fmt.Sprintf("early%d", i), place{at.file, 0, tail}, prog.Run{Len: tail, Fill: "o"})...)
		ops = append(ops, w.write(fmt.Sprintf("write%d", i), at, 'n')...)
		ops = append(ops, r.reads(fmt.Sprintf("read%d", i), at, prog.Run{Len: n, Fill: "n"})...)
	}
	return prog.New(ops...)
}
