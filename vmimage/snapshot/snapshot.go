package snapshot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

// The files of every snapshot.
const (
	ramFile   = "ram"
	stateFile = "state"
	indexFile = "index.json"
)

// Snapshot is an open snapshot. It stays usable when its folder is removed from the cache. Its methods may be called from any goroutine.
type Snapshot struct {
	ram   *os.File
	state []byte
	extra map[string][]byte
}

// ErrDamaged says that a snapshot in the cache is not what was put there.
var ErrDamaged = errors.New("snapshot is damaged")

// Open opens the snapshot in a folder and checks every byte of it. Damage is ErrDamaged; a folder that is not there is os.ErrNotExist.
func Open(dir string) (*Snapshot, error) {
	index, err := readIndex(dir)
	if err != nil {
		return nil, fmt.Errorf("open snapshot: %w", err)
	}
	s := &Snapshot{extra: map[string][]byte{}}
	for name, want := range index.Files {
		if err := s.read(filepath.Join(dir, name), want); err != nil {
			s.Close()
			return nil, fmt.Errorf("open snapshot: %w", err)
		}
	}
	if s.ram == nil || s.state == nil {
		s.Close()
		return nil, fmt.Errorf("open snapshot %s: %w: its index lacks memory or state", dir, ErrDamaged)
	}
	cache.Touch(dir)
	return s, nil
}

// read takes one file in, if it is as the index says.
func (s *Snapshot) read(path string, want entry) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	got, err := measure(file)
	if err == nil && got != want {
		err = fmt.Errorf("%w: %s has %v, not %v", ErrDamaged, path, got, want)
	}
	if err != nil {
		file.Close()
		return err
	}
	name := filepath.Base(path)
	if name == ramFile {
		s.ram = file
		return nil
	}
	defer file.Close()
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if name == stateFile {
		s.state = content
	} else {
		s.extra[name] = content
	}
	return nil
}

// State is what qemu.VM.Load takes. It must not be changed.
func (s *Snapshot) State() []byte { return s.state }

// Extra is what the maker put beside the memory under a name; nil for nothing. It must not be changed.
func (s *Snapshot) Extra(name string) []byte { return s.extra[name] }

// Memory is the memory for one clone, which changes nothing in the snapshot.
func (s *Snapshot) Memory() (*qemu.Memory, error) {
	fd, err := unix.FcntlInt(s.ram.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("clone snapshot: %w", err)
	}
	return &qemu.Memory{File: os.NewFile(uintptr(fd), ramFile), Private: true}, nil
}

// Close lets go of the files. Clones are not concerned.
func (s *Snapshot) Close() {
	if s.ram != nil {
		s.ram.Close()
	}
}
