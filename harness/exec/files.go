package exec

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/quota"
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
	// pins are the pipes that hold pinned pages.
	pins map[pinKey][2]int
	// ballast is the descriptor of the file that takes the free space, 0 for none.
	ballast int
	// quota is the limit of the files' owner, nil for none.
	quota *quota.Limit
}

func newFiles(root string, p prog.Program) *files {
	return &files{root: root, program: p}
}

func openFlags(op prog.Op) int {
	flags := unix.O_RDWR | unix.O_CLOEXEC
	if op.Direct() {
		flags |= unix.O_DIRECT
	}
	if op.Flags&prog.DSync != 0 {
		flags |= unix.O_DSYNC
	}
	return flags
}

// open opens and maps what ops use.
func (f *files) open(ops []prog.Op) error {
	f.fds, f.errs, f.maps, f.pins = map[openKey]int{}, map[openKey]unix.Errno{}, map[string][]byte{}, map[pinKey][2]int{}
	return f.openMore(ops)
}

// openMore opens and maps what ops use beside what is open.
func (f *files) openMore(ops []prog.Op) error {
	var err error
	prog.Program{Ops: ops}.Walk(func(s prog.Step) {
		if err == nil && s.Op.Verb.IsData() && s.Op.File != "" {
			err = f.prepareAll(s.Op)
		}
	})
	return err
}

// prepareAll opens and maps what one operation uses: its file, the one it is cloned to, and the one its buffer maps.
func (f *files) prepareAll(op prog.Op) error {
	if err := f.open1(openKey{op.File, openFlags(op)}); err != nil {
		return err
	}
	if op.To != "" {
		if err := f.open1(openKey{op.To, openFlags(prog.Op{Verb: op.Verb})}); err != nil {
			return err
		}
	}
	if usesMapping(op.Verb) {
		return f.mapFile(op.File)
	}
	if op.Buffer.Kind == prog.Via {
		return f.mapFile(op.Buffer.File)
	}
	return nil
}

// usesMapping says whether the operation is about the task's mapping of its file.
func usesMapping(v prog.Verb) bool {
	return v.Mapped() || v == prog.VMlock || v == prog.VMunlock || v == prog.VPin || v == prog.VUnpin
}

// open1 opens a file; the kernel's refusal is kept for the operations that need the descriptor.
func (f *files) open1(key openKey) error {
	if _, ok := f.fds[key]; ok || f.errs[key] != 0 {
		return nil
	}
	fd, err := unix.Open(filepath.Join(f.root, key.file), key.flags, 0)
	switch errno, isErrno := err.(unix.Errno); {
	case isErrno:
		f.errs[key] = errno
	case err != nil:
		return fmt.Errorf("open %s: %w", key.file, err)
	default:
		f.fds[key] = fd
	}
	return nil
}

// plainKey is the descriptor through which a file is mapped.
func plainKey(file string) openKey { return openKey{file, openFlags(prog.Op{})} }

// mapFile maps the whole extent at once, also past the end of the file: the mapping itself touches nothing.
func (f *files) mapFile(file string) error {
	key := plainKey(file)
	if f.maps[file] != nil {
		return nil
	}
	if err := f.open1(key); err != nil || f.errs[key] != 0 {
		return err
	}
	size := roundUp(f.program.Extent(file), pageSize)
	m, err := unix.Mmap(f.fds[key], 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err == unix.EINVAL {
		m, err = f.mapForReading(file, int(size))
	}
	if err != nil {
		return fmt.Errorf("map %s: %w", file, err)
	}
	f.maps[file] = m
	return nil
}

// mapForReading maps a file that cannot be mapped for writing, as zonefs' sequential zones (zonefs_file_mmap): a store there is a fault.
func (f *files) mapForReading(file string, size int) ([]byte, error) {
	fd, err := unix.Open(filepath.Join(f.root, file), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return unix.Mmap(fd, 0, size, unix.PROT_READ, unix.MAP_SHARED)
}

// noMapping is why a file could not be mapped.
func (f *files) noMapping(file string) unix.Errno { return f.errs[plainKey(file)] }

// part is the operation's range of the mapping, empty where there is none.
func (f *files) part(op prog.Op) []byte {
	m := f.maps[op.File]
	if m == nil {
		return nil
	}
	return m[op.Off : op.Off+op.Len]
}

// via is the mapping that is the operation's buffer, without bytes where there is none.
func (f *files) via(op prog.Op) memory {
	return memory{bytes: f.part(prog.Op{File: op.Buffer.File, Off: op.Buffer.Off, Len: op.Len}), usable: op.Len}
}

// reopen opens the descriptors of a file anew.
func (f *files) reopen(file string) {
	for key, fd := range f.fds {
		if key.file == file {
			_ = unix.Close(fd)
			delete(f.fds, key)
			_ = f.open1(key) // what is no errno cannot come of a file that was open
		}
	}
}

// fd is the descriptor for an operation, or why there is none.
func (f *files) fd(op prog.Op) (int, unix.Errno) {
	key := openKey{op.File, openFlags(op)}
	return f.fds[key], f.errs[key]
}

// close closes and unmaps everything; the files can be opened again.
func (f *files) close() {
	f.closeBallast()
	f.closeQuota()
	for _, p := range f.pins {
		closePipe(p)
	}
	for _, m := range f.maps {
		_ = unix.Munmap(m)
	}
	for _, fd := range f.fds {
		_ = unix.Close(fd)
	}
	f.fds, f.errs, f.maps, f.pins = nil, nil, nil, nil
}

const pageSize = 4096

func roundUp(n, to int64) int64 { return (n + to - 1) / to * to }
