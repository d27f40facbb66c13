package exec

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// openKey is a file with the flags of one descriptor.
type openKey struct {
	file  string
	flags int
}

// files are a task's descriptors and mappings. All are made before the task starts, so that opening does not disturb what the
// program arranges; a failed open is the errno of the operations that need it.
type files struct {
	root    string
	program prog.Program
	fds     map[openKey]int
	errs    map[openKey]unix.Errno
	maps    map[string][]byte
}

func newFiles(root string, p prog.Program) *files {
	return &files{root: root, program: p}
}

func openFlags(op prog.Op) int {
	flags := unix.O_RDWR | unix.O_CLOEXEC
	if op.Verb.Direct() {
		flags |= unix.O_DIRECT
	}
	if op.Flags&prog.DSync != 0 {
		flags |= unix.O_DSYNC
	}
	return flags
}

// open opens and maps what ops use.
func (f *files) open(ops []prog.Op) error {
	f.fds, f.errs, f.maps = map[openKey]int{}, map[openKey]unix.Errno{}, map[string][]byte{}
	var err error
	prog.Program{Ops: ops}.Walk(func(s prog.Step) {
		if err == nil && s.Op.Verb.IsData() && s.Op.File != "" {
			err = f.prepare(s.Op)
		}
	})
	return err
}

func (f *files) prepare(op prog.Op) error {
	key := openKey{op.File, openFlags(op)}
	if _, ok := f.fds[key]; !ok && f.errs[key] == 0 {
		fd, err := unix.Open(filepath.Join(f.root, op.File), key.flags, 0)
		switch errno, isErrno := err.(unix.Errno); {
		case isErrno:
			f.errs[key] = errno
		case err != nil:
			return fmt.Errorf("open %s: %w", op.File, err)
		default:
			f.fds[key] = fd
		}
	}
	if !op.Verb.Mapped() || f.maps[op.File] != nil || f.errs[key] != 0 {
		return nil
	}
	// The whole extent at once, also past the end of the file: the mapping itself touches nothing.
	size := roundUp(f.program.Extent(op.File), pageSize)
	m, err := unix.Mmap(f.fds[key], 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map %s: %w", op.File, err)
	}
	f.maps[op.File] = m
	return nil
}

// fd is the descriptor for an operation, or why there is none.
func (f *files) fd(op prog.Op) (int, unix.Errno) {
	key := openKey{op.File, openFlags(op)}
	return f.fds[key], f.errs[key]
}

// close closes and unmaps everything; the files can be opened again.
func (f *files) close() {
	for _, m := range f.maps {
		_ = unix.Munmap(m)
	}
	for _, fd := range f.fds {
		_ = unix.Close(fd)
	}
	f.fds, f.errs, f.maps = nil, nil, nil
}

const pageSize = 4096

func roundUp(n, to int64) int64 { return (n + to - 1) / to * to }
