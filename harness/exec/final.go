package exec

import (
	"errors"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// What the final reads ask the conductor for, beside the numbers of operations.
const (
	askDropCaches = -1 - iota
	askRemount
	askBranch
)

// finally reads every file of the program in every way, as DESIGN.md's "agreement at quiescence" says: through a mapping, the
// page cache and directly, synced, then again with the caches dropped and after a remount.
func (t *task) finally() error {
	files := t.p.theProgram().Files()
	for _, name := range files {
		t.readThrough(name, history.FinalMapped, readMapped)
		t.readThrough(name, history.FinalBuffered, readBuffered)
		t.readThrough(name, history.FinalDirect, readDirect)
		t.readThrough(name, history.FinalSync, syncFile)
	}
	if _, err := t.ask(askDropCaches); err != nil {
		return err
	}
	for _, name := range files {
		t.readThrough(name, history.FinalDropped, readBuffered)
	}
	o, err := t.order(askRemount)
	if err != nil {
		return err
	}
	for _, name := range files {
		if o.Errno != "" {
			t.emit(history.Event{Kind: history.Final, Time: now(), Op: -1, File: name, Path: string(history.FinalRemountBuffered), Errno: o.Errno})
			continue
		}
		t.readThrough(name, history.FinalRemountBuffered, readBuffered)
		t.readThrough(name, history.FinalRemountDirect, readDirect)
	}
	return nil
}

// readThrough reads a file one way and reports what it holds.
func (t *task) readThrough(name string, path history.FinalPath, read func(string) ([]byte, int64, error)) {
	buf, size, err := read(filepath.Join(t.p.spec.Root, name))
	e := history.Event{Kind: history.Final, Time: now(), Op: -1, File: name, Path: string(path), N: size}
	var errno unix.Errno
	switch {
	case errors.As(err, &errno):
		e.Errno = errnoName(errno)
	case err != nil:
		e.Errno = err.Error()
	default:
		e.Data = bounded(prog.Describe(buf, 0))
	}
	t.emit(e)
	freeBuffer(buf)
}

// finalBuffer opens the file and gets memory for all of it.
func finalBuffer(path string, flags int) (fd int, buf []byte, size int64, err error) {
	fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return -1, nil, 0, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil {
		buf, err = unix.Mmap(-1, 0, int(roundUp(st.Size, pageSize)+pageSize), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	}
	if err != nil {
		unix.Close(fd)
		return -1, nil, 0, err
	}
	return fd, buf, st.Size, nil
}

func readBuffered(path string) ([]byte, int64, error) { return readAll(path, 0) }
func readDirect(path string) ([]byte, int64, error)   { return readAll(path, unix.O_DIRECT) }

// readAll reads the file to its end. The length asked for is a multiple of the page size, as direct I/O wants it, and reaches
// beyond the end, so that a file longer than its size says shows.
func readAll(path string, flags int) ([]byte, int64, error) {
	fd, buf, size, err := finalBuffer(path, flags)
	if err != nil {
		return nil, 0, err
	}
	defer unix.Close(fd)
	prog.Poison(buf)
	var n int
	for n < len(buf) {
		m, err := unix.Pread(fd, buf[n:], int64(n))
		if err != nil {
			freeBuffer(buf)
			return nil, size, err
		}
		if m == 0 || m%512 != 0 {
			n += m
			break
		}
		n += m
	}
	return buf[:n], size, nil
}

// readMapped copies the file out of a mapping.
func readMapped(path string) (out []byte, size int64, err error) {
	fd, buf, size, err := finalBuffer(path, 0)
	if err != nil {
		return nil, 0, err
	}
	defer unix.Close(fd)
	if size == 0 {
		return buf[:0], 0, nil
	}
	m, err := unix.Mmap(fd, 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		freeBuffer(buf)
		return nil, size, err
	}
	defer unix.Munmap(m)
	defer func() {
		if fault := recover(); fault != nil {
			freeBuffer(buf)
			out, err = nil, errors.New(faultName(fault, m))
		}
	}()
	copy(buf, m)
	return buf[:size], size, nil
}

// syncFile is an fsync, whose errno tells of writeback that failed and of page cache that the kernel knows to be stale.
func syncFile(path string) ([]byte, int64, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, 0, err
	}
	defer unix.Close(fd)
	return nil, 0, unix.Fsync(fd)
}
