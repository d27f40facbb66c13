package snapshot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

const (
	pageSize = 4096
	readSize = 1 << 20 // bytes read at a time; a multiple of pageSize
)

// extents calls do for every range of the file that is not a hole, in order; offsets in bytes.
func extents(file *os.File, do func(from, to int64) error) error {
	for end := int64(0); ; {
		from, err := unix.Seek(int(file.Fd()), end, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return nil // only a hole is left
		}
		if err == nil {
			end, err = unix.Seek(int(file.Fd()), from, unix.SEEK_HOLE)
		}
		if err != nil {
			return fmt.Errorf("find holes of %s: %w", file.Name(), err)
		}
		if err := do(from, end); err != nil {
			return err
		}
	}
}

// measure is what a file is known by. Whether zeros are stored or are holes makes no difference: file systems decide that as they like.
func measure(file *os.File) (entry, error) {
	info, err := file.Stat()
	if err != nil {
		return entry{}, fmt.Errorf("measure %s: %w", file.Name(), err)
	}
	e := entry{Size: info.Size()}
	table, where := crc32.MakeTable(crc32.Castagnoli), [8]byte{}
	err = pages(file, func(at int64, page []byte) error {
		binary.LittleEndian.PutUint64(where[:], uint64(at))
		e.Sum = crc32.Update(crc32.Update(e.Sum, table, where[:]), table, page)
		return nil
	}, nil)
	return e, err
}

// pages calls data for every page that is not all zeros, and zeros for every other page that takes room; either may be nil.
func pages(file *os.File, data, zeros func(at int64, page []byte) error) error {
	buffer, nothing := make([]byte, readSize), make([]byte, pageSize)
	each := func(at int64, page []byte) error {
		do := data
		if bytes.Equal(page, nothing[:len(page)]) {
			do = zeros
		}
		if do == nil {
			return nil
		}
		return do(at, page)
	}
	return extents(file, func(from, to int64) error {
		from -= from % pageSize
		for from < to {
			n, err := file.ReadAt(buffer[:min(readSize, to-from)], from)
			if err != nil && err != io.EOF {
				return fmt.Errorf("read %s: %w", file.Name(), err)
			}
			if n == 0 {
				return nil // cut short meanwhile: the size says so
			}
			for at := 0; at < n; at += pageSize {
				if err := each(from+int64(at), buffer[at:min(at+pageSize, n)]); err != nil {
					return err
				}
			}
			from += int64(n)
		}
		return nil
	})
}

// dig makes holes of pages that are all zeros: a guest's memory has many that were used once. A file system without holes keeps them.
func dig(file *os.File) error {
	var from, to int64 // the run of zeros under way
	punch := func() error {
		if from == to {
			return nil
		}
		err := unix.Fallocate(int(file.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, from, to-from)
		if errors.Is(err, unix.EOPNOTSUPP) {
			return nil
		}
		return err
	}
	err := pages(file, nil, func(at int64, page []byte) error {
		if at != to {
			if err := punch(); err != nil {
				return err
			}
			from = at
		}
		to = at + int64(len(page))
		return nil
	})
	return errors.Join(err, punch())
}

// copySparse makes to, which is empty, what from is; holes stay holes.
func copySparse(to, from *os.File) error {
	info, err := from.Stat()
	if err == nil {
		err = to.Truncate(info.Size())
	}
	if err != nil {
		return fmt.Errorf("copy %s: %w", from.Name(), err)
	}
	return extents(from, func(at, end int64) error {
		for in, out := at, at; in < end; {
			n, err := unix.CopyFileRange(int(from.Fd()), &in, int(to.Fd()), &out, int(end-in), 0)
			if err != nil {
				return fmt.Errorf("copy %s: %w", from.Name(), err)
			}
			if n == 0 {
				return fmt.Errorf("copy %s: it ends at %d, before %d", from.Name(), in, end)
			}
		}
		return nil
	})
}
