package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

// Draft is a snapshot being made. Its maker starts a machine on its memory, brings it where it is to be, hands it to Save, stops it, and may
// put further files beside.
type Draft struct{ dir string }

// Memory makes the memory of the machine to be saved, all zeros, of a size in MiB. There has to be room for all of it: a guest whose
// memory cannot grow on a full disk dies with its QEMU.
func (d *Draft) Memory(sizeMiB int) (*qemu.Memory, error) {
	return d.memory(func(file *os.File) error {
		size := int64(sizeMiB) << 20
		if err := d.room(size); err != nil {
			return err
		}
		return file.Truncate(size)
	})
}

// MemoryOf makes the memory of the machine to be saved a copy of a snapshot's. The machine is to be started as that snapshot's clone.
func (d *Draft) MemoryOf(s *Snapshot) (*qemu.Memory, error) {
	return d.memory(func(file *os.File) error {
		info, err := s.ram.Stat()
		if err != nil {
			return err
		}
		if err := d.room(info.Size()); err != nil {
			return err
		}
		return copySparse(file, s.ram)
	})
}

func (d *Draft) memory(fill func(*os.File) error) (*qemu.Memory, error) {
	path := filepath.Join(d.dir, ramFile)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, cache.NoSpace(path, fmt.Errorf("make memory of a snapshot: %w", err))
	}
	if err := fill(file); err != nil {
		file.Close()
		return nil, cache.NoSpace(path, fmt.Errorf("make memory of a snapshot: %w", err))
	}
	return &qemu.Memory{File: file}, nil
}

// room says whether a file may grow to size.
func (d *Draft) room(size int64) error {
	var stat unix.Statfs_t
	if err := unix.Statfs(d.dir, &stat); err != nil {
		return err
	}
	if int64(stat.Bavail)*stat.Bsize < size {
		return unix.ENOSPC
	}
	return nil
}

// Save stops the machine and saves its state; see qemu.VM.Save.
func (d *Draft) Save(ctx context.Context, vm *qemu.VM) error {
	state, err := vm.Save(ctx)
	if err != nil {
		return err
	}
	return d.Put(stateFile, state)
}

// Put puts a file beside the memory, for Snapshot.Extra.
func (d *Draft) Put(name string, content []byte) error {
	path := filepath.Join(d.dir, name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		return cache.NoSpace(path, fmt.Errorf("write snapshot: %w", err))
	}
	return nil
}

// seal makes the memory as small as it can be and writes the index.
func (d *Draft) seal() error {
	files, err := os.ReadDir(d.dir)
	if err != nil {
		return err
	}
	i := index{Format: format, Files: map[string]entry{}}
	for _, file := range files {
		if i.Files[file.Name()], err = d.sealFile(file); err != nil {
			return err
		}
	}
	for _, needed := range []string{ramFile, stateFile} {
		if _, ok := i.Files[needed]; !ok {
			return fmt.Errorf("its maker gave no %s", needed)
		}
	}
	return writeIndex(d.dir, i)
}

func (d *Draft) sealFile(f fs.DirEntry) (e entry, err error) {
	file, err := os.OpenFile(filepath.Join(d.dir, f.Name()), os.O_RDWR, 0)
	if err != nil {
		return e, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if f.Name() == ramFile {
		if err := dig(file); err != nil {
			return e, err
		}
	}
	return measure(file)
}
