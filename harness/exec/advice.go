package exec

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// cacheCall is an operation that changes or asks what is in memory of a file, nil for any other.
func (t *task) cacheCall(op prog.Op, fd int) func() outcome {
	switch op.Verb {
	case prog.VEvict:
		return func() outcome { return result(0, unix.Fadvise(fd, op.Off, op.Len, unix.FADV_DONTNEED)) }
	case prog.VReadahead:
		return func() outcome { return result(0, unix.Fadvise(fd, op.Off, op.Len, unix.FADV_WILLNEED)) }
	case prog.VResident:
		return func() outcome { return result(resident(fd, op)) }
	case prog.VFlood:
		return func() outcome { return flood(fd, op) }
	case prog.VMlock:
		return func() outcome { return result(0, unix.Mlock(t.files.part(op))) }
	case prog.VMunlock:
		return func() outcome { return result(0, unix.Munlock(t.files.part(op))) }
	case prog.VPin:
		return func() outcome { return result(0, t.files.pin(op)) }
	case prog.VUnpin:
		return func() outcome { return result(0, t.files.unpin(op)) }
	}
	return nil
}

// resident counts the range's bytes whose pages are in the page cache and uptodate. It maps the range only for the question, and
// touches nothing of it.
func resident(fd int, op prog.Op) (int, error) {
	lo, end := op.Off/pageSize*pageSize, roundUp(op.Off+op.Len, pageSize)
	m, err := unix.Mmap(fd, lo, int(end-lo), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return 0, err
	}
	defer unix.Munmap(m)
	pages := make([]byte, len(m)/pageSize)
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(unsafe.SliceData(m))), uintptr(len(m)),
		uintptr(unsafe.Pointer(unsafe.SliceData(pages)))); errno != 0 {
		return 0, errno
	}
	var n int64
	for i, p := range pages {
		at := lo + int64(i)*pageSize
		if p&1 != 0 {
			n += min(at+pageSize, op.Off+op.Len) - max(at, op.Off)
		}
	}
	return int(n), nil
}

// pinKey is a pinned range of a file.
type pinKey struct {
	file     string
	off, len int64
}

func keyOf(op prog.Op) pinKey { return pinKey{op.File, op.Off, op.Len} }

// pin splices the range's pages into a pipe, which holds a reference to each until it is drained or closed. It does not wait: a pipe
// that does not take them all is ENOBUFS.
func (f *files) pin(op prog.Op) error {
	if _, pinned := f.pins[keyOf(op)]; pinned {
		return unix.EBUSY
	}
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	part := f.part(op)
	if _, err := unix.FcntlInt(uintptr(p[1]), unix.F_SETPIPE_SZ, len(part)+2*pageSize); err != nil {
		closePipe(p)
		return err
	}
	iov := unix.Iovec{Base: unsafe.SliceData(part)}
	iov.SetLen(len(part))
	n, err := unix.Vmsplice(p[1], []unix.Iovec{iov}, unix.SPLICE_F_NONBLOCK)
	if err == nil && n < len(part) {
		err = unix.ENOBUFS
	}
	if err != nil {
		closePipe(p)
		return err
	}
	f.pins[keyOf(op)] = p
	return nil
}

func (f *files) unpin(op prog.Op) error {
	p, pinned := f.pins[keyOf(op)]
	if !pinned {
		return unix.ENOENT
	}
	delete(f.pins, keyOf(op))
	closePipe(p)
	return nil
}

func closePipe(p [2]int) {
	_ = unix.Close(p[0])
	_ = unix.Close(p[1])
}

// reclaim has the kernel take memory from the tasks' cgroup, as far as it can be had, and says by how much its use fell. A kernel
// without memory.reclaim (before 5.19) is EOPNOTSUPP.
func reclaim(dir string, n int64) outcome {
	if dir == "" {
		return outcome{errno: "EOPNOTSUPP"}
	}
	fd, err := unix.Open(filepath.Join(dir, "memory.reclaim"), unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT {
		err = unix.EOPNOTSUPP
	}
	if err != nil {
		return result(0, err)
	}
	defer unix.Close(fd)
	before := memoryCurrent(dir)
	_, err = unix.Write(fd, []byte(strconv.FormatInt(n, 10)))
	if err != nil && err != unix.EAGAIN { // EAGAIN: less than was asked for
		return result(0, err)
	}
	return outcome{n: max(0, before-memoryCurrent(dir))}
}

// memoryCurrent is what a cgroup uses, in bytes, 0 where that cannot be told.
func memoryCurrent(dir string) int64 {
	text, err := os.ReadFile(filepath.Join(dir, "memory.current"))
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}
