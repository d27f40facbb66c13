package exec

import (
	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// pipeBytes is the room of the pipes that data are spliced through, in bytes: what a user may have by default (fs.pipe-max-size).
// spliceChunk of it are used at once, so that data that are not on page boundaries fit, too.
const (
	pipeBytes   = 1 << 20
	spliceChunk = pipeBytes / 2
)

// newPipe makes a pipe with that room.
func newPipe() (p [2]int, err error) {
	if err = unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return p, err
	}
	if _, err = unix.FcntlInt(uintptr(p[1]), unix.F_SETPIPE_SZ, pipeBytes); err != nil {
		closePipe(p)
	}
	return p, err
}

// pathCall is an operation that moves data through a pipe or from file to file, nil for any other.
func (t *task) pathCall(op prog.Op, fd int, m memory) func() outcome {
	switch {
	case op.Verb == prog.VCopyRange:
		return func() outcome { return t.copyRange(op, fd) }
	case !op.Verb.Spliced():
		return nil
	}
	p, err := newPipe()
	return func() outcome {
		if err != nil {
			return result(0, err)
		}
		defer closePipe(p)
		if op.Verb == prog.VSpliceWrite {
			return result(spliceWrite(p, fd, m.bytes, op.Off))
		}
		out := result(spliceRead(p, fd, m.bytes, op.Off))
		out.reads, out.from, out.at = out.errno == "", m, op.Off
		return out
	}
}

// spliceWrite fills the pipe from the buffer and splices it into the file, until all is written. What was written before an error counts.
func spliceWrite(p [2]int, fd int, buf []byte, off int64) (int, error) {
	done := 0
	for done < len(buf) {
		n, err := unix.Write(p[1], buf[done:min(len(buf), done+spliceChunk)])
		for left := n; err == nil && left > 0; {
			var moved int64
			if moved, err = unix.Splice(p[0], nil, fd, &off, left, 0); moved == 0 && err == nil {
				return done, nil
			}
			left, done = left-int(moved), done+int(moved)
		}
		if err != nil {
			return someOr(done, err)
		}
	}
	return done, nil
}

// spliceRead splices the file into the pipe and reads the pipe, until all is read or the file ends.
func spliceRead(p [2]int, fd int, buf []byte, off int64) (int, error) {
	done := 0
	for done < len(buf) {
		n, err := unix.Splice(fd, &off, p[1], nil, min(len(buf)-done, spliceChunk), 0)
		if err != nil {
			return someOr(done, err)
		}
		if n == 0 {
			break
		}
		for end := done + int(n); done < end; {
			got, err := unix.Read(p[0], buf[done:end])
			if err != nil {
				return 0, err
			}
			done += got
		}
	}
	return done, nil
}

// copyRange copies until all is copied or the file ends, as cp(1) does: a call may do less than it was asked for, and a file system
// that shares blocks does the whole blocks first.
func (t *task) copyRange(op prog.Op, fd int) outcome {
	to, errno := t.files.fd(prog.Op{Verb: op.Verb, File: op.To})
	if errno != 0 {
		return outcome{errno: errnoName(errno)}
	}
	from, at, done := op.Off, op.ToOff, 0
	for done < int(op.Len) {
		n, err := unix.CopyFileRange(fd, &from, to, &at, int(op.Len)-done, 0)
		if err != nil {
			return result(someOr(done, err))
		}
		if n == 0 {
			break
		}
		done += n
	}
	return outcome{n: int64(done)}
}

// someOr is the bytes done, or the error if there are none.
func someOr(n int, err error) (int, error) {
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// piece is the length, in bytes, of the first piece of a vectored buffer; the next are twice and three times as long, and so on. Those of
// direct I/O are whole pages, or sectors, since the kernel wants each aligned; others are not, so that they end inside of pages.
func piece(op prog.Op) int {
	switch {
	case !op.Direct():
		return 1000
	case op.Len%pageSize == 0:
		return pageSize
	}
	return 512
}

// pieces are the parts in which a buffer is given to the kernel.
func pieces(buf []byte, op prog.Op) [][]byte {
	if op.Flags&prog.Vectored == 0 {
		return [][]byte{buf}
	}
	var out [][]byte
	for n := piece(op); len(buf) > 0; n += piece(op) {
		k := min(n, len(buf))
		out, buf = append(out, buf[:k]), buf[k:]
	}
	return out
}

// iovecs are the parts as the kernel wants them.
func iovecs(parts [][]byte) []unix.Iovec {
	iov := make([]unix.Iovec, len(parts))
	for i, p := range parts {
		iov[i].Base = &p[0]
		iov[i].SetLen(len(p))
	}
	return iov
}
